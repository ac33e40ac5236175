/**
 * The way from the relay to the observer: bounded, lossy when it must be, never a wait.
 * Effects: posts to one worker thread, and restarts it where it is ours.
 */
import { type Clock, pause } from '../base/clock.ts'
import { RECORD, type RecordKind } from './batch.ts'
import { BatchPool } from './batch-pool.ts'
import type { FromObserver, GapReason, ObserverCounts, ToObserver } from './messages.ts'
import type { ObserverLink } from './observer-link.ts'

/** With so many unread, the observer is behind: a batch is filled before it joins them. */
const BEHIND_BATCHES = 2
const FIRST_RESTART_US = 100_000
const LAST_RESTART_US = 5_000_000
/** One row says what is missing within a second, however many requests that are. */
const GAP_SPAN_US = 1_000_000

export type FeedOptions = Readonly<{
  clock: Clock
  /** Bytes and records that may wait for the observer. */
  queueBytes: number
  queueRecords: number
  /** null: another thread starts it, and tells of each by `attach`. */
  startObserver: (() => ObserverLink) | null
  onMessage: (message: FromObserver) => void
}>

export class Feed {
  readonly #options: FeedOptions
  #link: ObserverLink | null = null
  #onEnd: (() => void) | null = null
  readonly #batches: BatchPool
  #gap: { fromUs: number; toUs: number; count: number; reason: GapReason } | null = null
  #restartAtUs = 0
  #restartWaitUs = FIRST_RESTART_US
  #isClosing = false
  #isPaused = false
  #lastDone: { counts: ObserverCounts; atUs: number } | null = null
  /** Changes whenever the observer forgot its connections; a connection of another epoch is unknown to it. */
  epoch = 1
  shedCount = 0
  /** When a request was last shed for want of room. */
  fullAtUs = -Infinity

  constructor(options: FeedOptions) {
    this.#options = options
    this.#batches = new BatchPool(options.queueBytes, options.queueRecords)
  }

  get isUp(): boolean {
    return this.#link !== null
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** While paused, requests that begin are counted and not kept; those under way are finished. */
  setPaused(isPaused: boolean): void {
    if (isPaused !== this.#isPaused) this.#postGap()
    this.#isPaused = isPaused
  }

  /** Whether a new request should be followed at all. */
  canBegin(): boolean {
    return !this.#isPaused && this.#link !== null && this.#batches.hasRoomToBegin
  }

  /**
   * @param source copied; null for a record without bytes
   * @returns the copy, valid for as long as it is held, or null if the record was refused
   */
  put(
    kind: RecordKind,
    connection: number,
    atUs: number,
    source: Buffer | null,
    sizeBytes: number,
  ): Buffer | null {
    if (this.#link === null) return null
    const isControl = kind === RECORD.closed || kind === RECORD.lost
    if (!isControl && !this.#batches.hasRoom(sizeBytes)) return null
    if (!this.#batches.filling.fits(sizeBytes)) this.#lend()
    return this.#batches.filling.add(kind, connection, atUs, source, sizeBytes)
  }

  /** The copy last returned is still being sent: its memory must not be filled again. */
  pin(): void {
    this.#batches.filling.isPinned = true
  }

  /** The copy last returned begins a request. */
  begin(): void {
    this.#batches.filling.begunCount += 1
  }

  /** Counts one request that is not, or not wholly, recorded. */
  shed(atUs: number): void {
    this.shedCount += 1
    const reason = this.#reason()
    if (reason === 'queue_full') this.fullAtUs = atUs
    if (this.#gap !== null && this.#gap.reason !== reason) this.#postGap()
    this.#gap ??= { fromUs: atUs, toUs: atUs, count: 0, reason }
    this.#gap.toUs = atUs
    this.#gap.count += 1
  }

  /** Hands over what has gathered; call every few ms. Brings a dead observer back. */
  flush(): void {
    if (this.#link === null) {
      if (!this.#isClosing && this.#options.clock.nowUs() >= this.#restartAtUs) this.start()
      return
    }
    if (this.#isGapDue()) this.#postGap()
    if (this.#isClosing || this.#batches.lentCount < BEHIND_BATCHES) this.#lend()
  }

  #lend(): void {
    if (this.#batches.filling.recordCount === 0) return
    const postedAtUs = this.#options.clock.nowUs()
    this.send({ type: 'batch', ...this.#batches.lend(), postedAtUs })
  }

  send(message: ToObserver): void {
    // A thread that is going down takes messages and drops them; its exit settles the account.
    this.#link?.post(message)
  }

  #takeBack(number: number): void {
    this.#batches.takeBack(number)
    if (this.#batches.lentCount === 0 && this.#options.startObserver === null) this.#onEnd?.()
  }

  /**
   * Ends the observer after what it was given; one that does not end in time is killed. Where it is
   * another thread's, waits until it has read everything.
   */
  async close(patienceUs: number): Promise<void> {
    this.#isClosing = true
    this.#postGap()
    this.flush()
    const link = this.#link
    const isOurs = this.#options.startObserver !== null
    if (link === null) return
    if (!isOurs && this.#batches.lentCount === 0) return link.kill()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEnd = resolve
    if (isOurs) this.send({ type: 'close' })
    const waiting = new AbortController()
    const late = pause(patienceUs, waiting.signal).then(link.kill, () => undefined)
    await promise
    waiting.abort()
    await late
    if (!isOurs) link.kill()
  }

  #reason(): GapReason {
    if (this.#isPaused) return 'paused'
    return this.#link === null ? 'observer_down' : 'queue_full'
  }

  #isGapDue(): boolean {
    if (this.#gap === null || !this.#batches.hasRoom(0)) return false
    return this.#options.clock.nowUs() - this.#gap.fromUs >= GAP_SPAN_US
  }

  #postGap(): void {
    // One that has said nothing yet may never come to read it.
    const isHeard = this.#lastDone !== null || this.#options.startObserver === null
    if (this.#gap === null || this.#link === null || !(isHeard || this.#isClosing)) return
    this.send({ type: 'gap', gap: { ...this.#gap } })
    this.#gap = null
  }

  /** Starts the observer's thread; `flush` starts it again when it is gone. */
  start(): void {
    const { startObserver } = this.#options
    if (startObserver !== null) this.attach(startObserver())
  }

  /** From now on this is the observer. */
  attach(link: ObserverLink): void {
    if (this.#link !== null) this.#down()
    this.#link = link
    const onMessage = (message: FromObserver): void => {
      if (message.type === 'done') {
        if (message.number !== null) this.#takeBack(message.number)
        this.#restartWaitUs = FIRST_RESTART_US
        this.#lastDone = { counts: message.counts, atUs: this.#options.clock.nowUs() }
      }
      this.#options.onMessage(message)
    }
    link.listen(onMessage, () => {
      if (this.#link === link) this.#down()
    })
  }

  #down(): void {
    this.#link = null
    this.#onEnd?.()
    this.epoch += 1
    if (!this.#isClosing) this.#loseUnwritten()
    this.#batches.forget()
    if (this.#isClosing) return
    this.#restartAtUs = this.#options.clock.nowUs() + this.#restartWaitUs
    this.#restartWaitUs = Math.min(this.#restartWaitUs * 2, LAST_RESTART_US)
    this.#options.onMessage({ type: 'down' })
  }

  /** Requests that the observer had not read, or begun and not written to their end, are a gap. */
  #loseUnwritten(): void {
    const { counts, atUs } = this.#lastDone ?? { counts: null, atUs: this.#options.clock.nowUs() }
    this.#lastDone = null
    let count = this.#batches.unreadRequests
    // Its counts are of all threads: one of them speaks for all.
    const isOurs = this.#options.startObserver !== null
    if (isOurs && counts !== null) count += counts.unwritten
    for (let index = 0; index < count; index += 1) this.shed(atUs)
  }
}
