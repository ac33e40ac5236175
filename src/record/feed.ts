/**
 * The way from the relay to the observer: bounded, lossy when it must be, never a wait.
 * Effects: posts to one worker thread, and restarts it where it is ours.
 */
import { type Clock, pause } from '../base/clock.ts'
import { BatchWriter, RECORD, type RecordKind } from './batch.ts'
import type { FromObserver, Gap, GapReason, ObserverCounts, ToObserver } from './messages.ts'
import type { ObserverLink } from './observer-link.ts'

const BATCH_BYTES = 262_144
const FREE_BATCHES = 16
/** Room kept for ends of connections after bytes are refused, as a share of the limit. */
const CONTROL_SHARE = 0.1
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
  /** Batches that came back, to be filled again. */
  readonly #free: BatchWriter[] = []
  /** Batches that the observer has, by number. */
  readonly #lent = new Map<number, BatchWriter>()
  #nextNumber = 0
  #batch = new BatchWriter(BATCH_BYTES)
  #waitingBytes = 0
  #waitingRecords = 0
  #gap: { fromUs: number; toUs: number; count: number; reason: GapReason } | null = null
  #restartAtUs = 0
  #restartWaitUs = FIRST_RESTART_US
  #isClosing = false
  #isPaused = false
  #lastDone: { counts: ObserverCounts; atUs: number } | null = null
  /** Changes whenever the observer forgot its connections; a connection of another epoch is unknown to it. */
  epoch = 1
  shedCount = 0

  constructor(options: FeedOptions) {
    this.#options = options
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
    return !this.#isPaused && this.#link !== null && this.#hasRoom(BATCH_BYTES)
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
    if (!isControl && !this.#hasRoom(sizeBytes)) return null
    if (!this.#batch.fits(sizeBytes)) this.flush()
    return this.#batch.add(kind, connection, atUs, source, sizeBytes)
  }

  /** The copy last returned is still being sent: its memory must not be filled again. */
  pin(): void {
    this.#batch.isPinned = true
  }

  /** The copy last returned begins a request. */
  begin(): void {
    this.#batch.begunCount += 1
  }

  /** Counts one request that is not, or not wholly, recorded. */
  shed(atUs: number): void {
    this.shedCount += 1
    const reason = this.#reason()
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
    const batch = this.#batch
    if (batch.recordCount === 0) return
    const { memory, sizeBytes } = batch
    const number = this.#nextNumber
    this.#nextNumber += 1
    this.#lent.set(number, batch)
    this.#waitingBytes += sizeBytes
    this.#waitingRecords += batch.recordCount
    const postedAtUs = this.#options.clock.nowUs()
    this.send({ type: 'batch', number, memory, sizeBytes, postedAtUs })
    this.#batch = this.#free.pop() ?? new BatchWriter(BATCH_BYTES)
  }

  send(message: ToObserver): void {
    // A thread that is going down takes messages and drops them; its exit settles the account.
    this.#link?.post(message)
  }

  #takeBack(number: number): void {
    const batch = this.#lent.get(number)
    if (batch === undefined) return
    this.#lent.delete(number)
    this.#waitingBytes -= batch.sizeBytes
    this.#waitingRecords -= batch.recordCount
    if (this.#lent.size === 0 && this.#options.startObserver === null) this.#onEnd?.()
    if (batch.isPinned || this.#free.length >= FREE_BATCHES) return
    batch.clear()
    this.#free.push(batch)
  }

  /**
   * Ends the observer after what it was given; one that does not end in time is killed. Where it is
   * another thread's, waits until it has read everything.
   */
  async close(patienceUs: number): Promise<void> {
    this.#postGap()
    this.flush()
    this.#isClosing = true
    const link = this.#link
    const isOurs = this.#options.startObserver !== null
    if (link === null) return
    if (!isOurs && this.#lent.size === 0) return link.kill()
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

  #hasRoom(sizeBytes: number): boolean {
    const { queueBytes, queueRecords } = this.#options
    return (
      this.#waitingBytes + this.#batch.sizeBytes + sizeBytes <= queueBytes * (1 - CONTROL_SHARE) &&
      this.#waitingRecords + this.#batch.recordCount < queueRecords
    )
  }

  #reason(): GapReason {
    if (this.#isPaused) return 'paused'
    return this.#link === null ? 'observer_down' : 'queue_full'
  }

  #isGapDue(): boolean {
    const gap = this.#gap
    return (
      gap !== null && this.#options.clock.nowUs() - gap.fromUs >= GAP_SPAN_US && this.#hasRoom(0)
    )
  }

  #postGap(): void {
    if (this.#gap === null || this.#link === null) return
    const gap: Gap = { ...this.#gap }
    this.send({ type: 'gap', gap })
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
    this.#waitingBytes = 0
    this.#waitingRecords = 0
    this.#lent.clear()
    this.#batch = new BatchWriter(BATCH_BYTES)
    if (this.#isClosing) return
    this.#restartAtUs = this.#options.clock.nowUs() + this.#restartWaitUs
    this.#restartWaitUs = Math.min(this.#restartWaitUs * 2, LAST_RESTART_US)
    this.#options.onMessage({ type: 'down' })
  }

  /** Requests that the observer had not read, or begun and not written to their end, are a gap. */
  #loseUnwritten(): void {
    const { counts, atUs } = this.#lastDone ?? { counts: null, atUs: this.#options.clock.nowUs() }
    this.#lastDone = null
    const unread = [...this.#lent.values(), this.#batch]
    let count = unread.reduce((sum, { begunCount }) => sum + begunCount, 0)
    // Its counts are of all threads: one of them speaks for all.
    const isOurs = this.#options.startObserver !== null
    if (isOurs && counts !== null) count += counts.requests - counts.recorded
    for (let index = 0; index < count; index += 1) this.shed(atUs)
  }
}
