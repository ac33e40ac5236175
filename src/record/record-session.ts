/** One run of the recorder: its relay, its observer and their figures. Effects: sockets, a thread. */
import { randomBytes } from 'node:crypto'
import { pause } from '../base/clock.ts'
import { startThread, type Worker } from '../base/threads.ts'
import type { World } from '../base/world.ts'
import { addressHash } from '../trace/address-hash.ts'
import { every } from './every.ts'
import { createFront } from './front.ts'
import { Feed } from './feed.ts'
import type { FromObserver, ServerFacts } from './messages.ts'
import { addCounts, NO_COUNTS } from './record-counts.ts'
import type { RecordControl } from './control.ts'
import { observerConfig, type ObserverConfig } from './observer-config.ts'
import type { RecordOptions } from './options.ts'
import type { RecordStatus } from './record-text.ts'
import { TlsMaterial } from './tls-material.ts'
import { Relay, type Route } from './relay.ts'
import { createUpstream, portOf, type UpstreamName } from './upstream.ts'

/** Longest that an observation waits in the relay's thread. */
const FLUSH_US = 50_000
const OBSERVER_HEAP_MB = 1_024
const SWEEP_US = 500_000
const REFRESH_NAMES_US = 30_000_000
/** First clients wait so long for an observer that starts; then they pass without it. */
const OBSERVER_START_US = 1_000_000
/** A drained connection was quiet for so long before it is closed. */
const QUIET_US = 200_000

export class RecordSession implements RecordControl {
  readonly relay: Relay
  readonly #world: World
  readonly #feed: Feed
  readonly #names: UpstreamName[]
  readonly #tls: TlsMaterial
  readonly #startedAtUs: number
  readonly #stopping = new AbortController()
  #counts = NO_COUNTS
  /** What observers before this one had counted. */
  #before = NO_COUNTS
  #degraded: string | null = null
  isDraining = false
  #digest: string | null = null
  /** Resolves with the observer's first word. */
  readonly #heard = Promise.withResolvers<void>()
  #loops: Promise<void>[] = []

  /** @param startObserver its thread; another one in tests of what happens when it dies */
  constructor(
    options: RecordOptions,
    world: World,
    secret: Uint8Array,
    startObserver: (config: ObserverConfig) => Worker = startObserverThread,
  ) {
    const { clock } = world
    this.#world = world
    this.#tls = new TlsMaterial(options.tls)
    this.#startedAtUs = clock.nowUs()
    const config = observerConfig(options, world, secret, this.#startedAtUs)
    this.#feed = new Feed({
      clock,
      queueBytes: options.queueBytes,
      queueRecords: options.queueRecords,
      startObserver: () => startObserver(config),
      onMessage: (message) => this.#onMessage(message),
    })
    this.#names = options.routes.map(({ name, upstream }) =>
      createUpstream(name, upstream, () => this.#tls.dialTls(upstream)),
    )
    const front = createFront({
      isProxied: options.isProxied,
      proxyVersion: options.proxyVersion,
      tls: () => this.#tls.server,
    })
    const routes: Route[] = options.routes.map(({ listen }, index) => {
      const { upstream } = this.#names[index] as UpstreamName
      return { listen, upstream, front }
    })
    this.relay = new Relay({
      clock,
      feed: this.#feed,
      routes,
      limits: {
        silentUs: options.dialSilentUs,
        connectUs: options.connectTimeoutUs,
        idleUs: options.idleTimeoutUs,
        totalUs: options.totalTimeoutUs,
      },
      maxConnections: options.maxConnections,
      asksUsage: options.asksUsage,
      mustRecord: options.mustRecord,
      isRecording: () => this.#problem === null,
    })
  }

  /** @throws TraceError PORT_IN_USE; then nothing listens and nothing was made */
  async start(): Promise<void> {
    await this.#tls.load()
    await Promise.all(this.#names.map(async ({ name }) => name.refresh()))
    await this.relay.open()
    this.#feed.start()
    await this.#observerStarted()
    this.relay.begin()
    const { signal } = this.#stopping
    this.#loops = [
      every(FLUSH_US, signal, () => this.#feed.flush()),
      every(SWEEP_US, signal, () => this.relay.sweep()),
      every(REFRESH_NAMES_US, signal, () => {
        for (const { name } of this.#names) void name.refresh()
      }),
    ]
  }

  async #observerStarted(): Promise<void> {
    const patience = new AbortController()
    const late = pause(OBSERVER_START_US, patience.signal).catch(() => undefined)
    await Promise.race([this.#heard.promise, late])
    patience.abort()
  }

  /** Certificates of new connections; files that do not fit leave the old ones in use. */
  async reload(): Promise<void> {
    await this.#tls.load()
  }

  noteServer(server: ServerFacts, url: URL): void {
    this.#note('server', server)
    const addressSalt = randomBytes(8).toString('hex')
    this.#feed.send({
      type: 'server',
      server: {
        ...server,
        blockTokens: null,
        fingerprint: null,
        addressHash: addressHash(addressSalt, url.hostname, portOf(url)),
        addressSalt,
      },
    })
  }

  /** Takes no more connections, lets those that are there end, and cuts what is left after `waitUs`. */
  async drain(waitUs: number): Promise<void> {
    this.isDraining = true
    this.relay.stopAccepting()
    this.#feed.send({ type: 'drain' })
    const waiting = new AbortController()
    const late = pause(waitUs, waiting.signal).then(
      () => this.relay.cutAll(),
      () => undefined,
    )
    await this.relay.empty()
    waiting.abort()
    await late
  }

  /** @returns the recording's digest, if the observer could tell it in time */
  async close(patienceUs: number): Promise<string | null> {
    this.relay.stopAccepting()
    this.#stopping.abort()
    await Promise.all(this.#loops)
    await this.#feed.close(patienceUs)
    return this.#digest
  }

  get isPaused(): boolean {
    return this.#feed.isPaused
  }

  setPaused(isPaused: boolean): void {
    if (isPaused === this.#feed.isPaused) return
    this.#feed.setPaused(isPaused)
    this.#note('config', { recording: !isPaused })
  }

  rotate(): void {
    this.#feed.send({ type: 'rotate' })
  }

  mark(text: string): void {
    this.#note('mark', { text })
  }

  #note(kind: string, detail: Readonly<Record<string, unknown>>): void {
    this.#feed.flush()
    this.#feed.send({ type: 'event', atUs: this.#world.clock.nowUs(), kind, detail })
  }

  /** Figures now; `requestsPerSec` over the whole run. */
  status(): RecordStatus {
    const elapsedUs = this.#world.clock.nowUs() - this.#startedAtUs
    const counts = addCounts(this.#before, this.#counts)
    return {
      elapsedUs,
      requestsPerSec: elapsedUs === 0 ? 0 : (counts.requests * 1_000_000) / elapsedUs,
      counts,
      unrecorded: this.#feed.shedCount + counts.lostRows + counts.unreadable,
      connections: this.relay.connectionCount,
      addedP50Us: this.relay.delays.quantileUs(0.5),
      addedP99Us: this.relay.delays.quantileUs(0.99),
      degraded: this.#problem,
      upstreamProblem: this.#names.map(({ problem }) => problem()).find(Boolean) ?? null,
    }
  }

  /** Why requests pass unrecorded now; null while they are recorded. */
  get #problem(): string | null {
    if (this.#feed.isPaused) return 'switched off'
    return this.#feed.isUp ? this.#degraded : 'the observer is down'
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
        this.#degraded = message.state === 'ok' ? null : 'rows cannot be written'
        return
      case 'idle': {
        const beforeUs = this.#world.clock.nowUs() - QUIET_US
        return this.relay.closeIdle(message.pairs, beforeUs)
      }
      case 'down':
        this.#before = addCounts(this.#before, { ...this.#counts, inFlight: 0 })
        this.#counts = NO_COUNTS
        return
    }
  }
}

function startObserverThread(config: ObserverConfig): Worker {
  // An observer that runs out of memory dies alone, and a new one is started.
  const resourceLimits = { maxOldGenerationSizeMb: OBSERVER_HEAP_MB }
  return startThread(import.meta.url, './observe-worker', { workerData: config, resourceLimits })
}
