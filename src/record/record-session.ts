/** One run of the recorder: its relay, its observer and their figures. Effects: sockets, a thread. */
import { randomBytes } from 'node:crypto'
import { pause } from '../base/clock.ts'
import type { World } from '../base/world.ts'
import { LiveResults } from '../replay/live-results.ts'
import { addTallies } from '../stats/octaves.ts'
import { addressHash } from '../trace/address-hash.ts'
import type { FromObserver, ServerFacts, ToObserver } from './messages.ts'
import { addCounts, NO_COUNTS } from './record-counts.ts'
import type { RecordControl } from './control.ts'
import { observerConfig } from './observer-config.ts'
import { workerLink } from './observer-link.ts'
import type { RecordOptions } from './options.ts'
import type { RecordStatus } from './record-text.ts'
import { relayWork } from './relay-messages.ts'
import { RelayThreads } from './relay-threads.ts'
import { RelayUnit } from './relay-unit.ts'
import { NO_FACTS } from './server-facts.ts'
import { type SessionThreads, USUAL_THREADS } from './session-threads.ts'
import { portOf } from './upstream.ts'

/** First clients wait so long for an observer that starts; then they pass without it. */
const OBSERVER_START_US = 1_000_000
const BEHIND = 'the observer is slower than traffic'
/** A drained connection was quiet for so long before it is closed. */
const QUIET_US = 200_000

export class RecordSession implements RecordControl {
  readonly #world: World
  readonly #directory: string
  /** What this thread relays, and the threads beside it. */
  readonly #unit: RelayUnit
  readonly #threads: RelayThreads
  readonly #startedAtUs: number
  readonly answers = new LiveResults(0)
  #counts = NO_COUNTS
  /** What observers before this one had counted. */
  #before = NO_COUNTS
  #degraded: string | null = null
  isDraining = false
  #digest: string | null = null
  /** Told to each observer anew. */
  #server: ToObserver | null = null
  /** Resolves with the observer's first word. */
  readonly #heard = Promise.withResolvers<void>()

  /** @param threads started otherwise in tests of what happens when one dies */
  constructor(
    options: RecordOptions,
    world: World,
    secret: Uint8Array,
    threads: SessionThreads = USUAL_THREADS,
  ) {
    const { clock } = world
    this.#world = world
    this.#directory = options.directory
    this.#startedAtUs = clock.nowUs()
    const { memory } = this.answers
    const config = observerConfig(options, world, secret, this.#startedAtUs, memory)
    this.#threads = new RelayThreads(options, threads.relay)
    this.#unit = new RelayUnit({
      work: relayWork(options, 0),
      clock,
      startObserver: () => {
        const worker = threads.observer(config)
        this.#threads.attach(worker)
        if (this.#server !== null) worker.postMessage(this.#server)
        return workerLink(worker)
      },
      onMessage: (message) => this.#onMessage(message),
      isRecording: () => this.#problem === null,
    })
  }

  /** @throws TraceError PORT_IN_USE; then nothing listens and nothing was made */
  async start(): Promise<void> {
    try {
      await this.#unit.open()
      await this.#threads.start()
    } catch (error) {
      this.#unit.relay.stopAccepting()
      await this.#threads.close(0)
      throw error
    }
    this.#unit.feed.start()
    await this.#observerStarted()
    this.#unit.begin()
    this.#threads.begin()
  }

  async #observerStarted(): Promise<void> {
    const patience = new AbortController()
    const late = pause(OBSERVER_START_US, patience.signal).catch(() => undefined)
    await Promise.race([this.#heard.promise, late])
    patience.abort()
  }

  /** Certificates of new connections; files that do not fit leave the old ones in use. */
  async reload(): Promise<void> {
    await this.#unit.reload()
    this.#threads.tell({ type: 'reload' })
    this.#unit.feed.send({ type: 'reload' })
  }

  /** @param server null while only its address is known */
  noteServer(server: ServerFacts | null, url: URL): void {
    // What one upstream has told stays, though another one is silent.
    if (server === null && this.#server !== null) return
    if (server !== null) this.#note('server', server)
    const addressSalt = randomBytes(8).toString('hex')
    this.#server = {
      type: 'server',
      server: {
        ...(server ?? NO_FACTS),
        blockTokens: null,
        fingerprint: null,
        addressHash: addressHash(addressSalt, url.hostname, portOf(url)),
        addressSalt,
      },
    }
    this.#unit.feed.send(this.#server)
  }

  /** Takes no more connections, lets those that are there end, and cuts what is left after `waitUs`. */
  async drain(waitUs: number): Promise<void> {
    this.isDraining = true
    const { relay, feed } = this.#unit
    relay.stopAccepting()
    this.#threads.tell({ type: 'drain' })
    feed.send({ type: 'drain' })
    const waiting = new AbortController()
    const late = pause(waitUs, waiting.signal).then(
      () => this.cutAll(),
      () => undefined,
    )
    await Promise.all([relay.empty(), this.#threads.empty()])
    waiting.abort()
    await late
  }

  /** @returns the recording's digest, if the observer could tell it in time */
  async close(patienceUs: number): Promise<string | null> {
    this.#unit.relay.stopAccepting()
    // They first: the observer ends once it has what they had for it.
    await this.#threads.close(patienceUs)
    await this.#unit.close(patienceUs)
    return this.#digest
  }

  /** Ends every connection at once. */
  cutAll(): void {
    this.#unit.relay.cutAll()
    this.#threads.tell({ type: 'cut' })
  }

  get isPaused(): boolean {
    return this.#unit.feed.isPaused
  }

  setPaused(isPaused: boolean): void {
    if (isPaused === this.#unit.feed.isPaused) return
    this.#unit.feed.setPaused(isPaused)
    this.#tellThreads()
    this.#note('config', { recording: !isPaused })
  }

  rotate(): void {
    this.#unit.feed.send({ type: 'rotate' })
  }

  mark(text: string): void {
    this.#note('mark', { text })
  }

  #note(kind: string, detail: Readonly<Record<string, unknown>>): void {
    this.#unit.feed.flush()
    this.#unit.feed.send({ type: 'event', atUs: this.#world.clock.nowUs(), kind, detail })
  }

  /** Figures so far. */
  status(): RecordStatus {
    const elapsedUs = this.#world.clock.nowUs() - this.#startedAtUs
    const counts = addCounts(this.#before, this.#counts)
    const units = [this.#unit.status, ...this.#threads.statuses]
    const shed = units.reduce((sum, unit) => sum + unit.shed, 0)
    return {
      elapsedUs,
      counts,
      unrecorded: shed + counts.lostRows + counts.unreadable,
      connections: units.reduce((sum, { connections }) => sum + connections, 0),
      delays: addTallies(units.map(({ delays }) => delays)),
      degraded: this.#problem ?? (units.some(({ isBehind }) => isBehind) ? BEHIND : null),
      upstreamProblem: units.map(({ upstreamProblem }) => upstreamProblem).find(Boolean) ?? null,
    }
  }

  /** Why requests pass unrecorded now; null while they are recorded. */
  get #problem(): string | null {
    if (this.#unit.feed.isPaused) return 'switched off'
    return this.#unit.feed.isUp ? this.#degraded : 'the observer is down'
  }

  #tellThreads(): void {
    const { isPaused } = this.#unit.feed
    this.#threads.tell({ type: 'recording', isPaused, isWriting: this.#degraded === null })
  }

  #onMessage(message: FromObserver): void {
    this.#heard.resolve()
    switch (message.type) {
      case 'done':
        this.#counts = message.counts
        return
      case 'closed':
        this.#counts = message.counts
        this.#digest = message.digest
        return
      case 'writer':
        this.#degraded =
          message.state === 'ok'
            ? null
            : `rows cannot be written to ${this.#directory}: ${message.reason}`
        return this.#tellThreads()
      case 'idle': {
        const beforeUs = this.#world.clock.nowUs() - QUIET_US
        this.#threads.tell({ type: 'idle', pairs: message.pairs, beforeUs })
        return this.#unit.relay.closeIdle(message.pairs, beforeUs)
      }
      case 'down':
        this.#before = addCounts(this.#before, { ...this.#counts, inFlight: 0 })
        this.#counts = NO_COUNTS
        return
    }
  }
}
