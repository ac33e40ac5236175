/** One run of the recorder: its relay, its observer and their figures. Effects: sockets, a thread. */
import { randomBytes } from 'node:crypto'
import { pause } from '../base/clock.ts'
import { startThread } from '../base/threads.ts'
import type { World } from '../base/world.ts'
import { addressHash } from '../trace/address-hash.ts'
import { newHeader } from '../trace/header.ts'
import { every } from './every.ts'
import { createFront } from './front.ts'
import { Feed } from './feed.ts'
import type { FromObserver, ObserverCounts, ServerFacts } from './messages.ts'
import type { ObserverConfig } from './observer-config.ts'
import { observeHeader } from './observe-header.ts'
import type { RecordOptions } from './options.ts'
import type { RecordStatus } from './record-text.ts'
import { TlsMaterial } from './tls-material.ts'
import { Relay, type Route } from './relay.ts'
import { createUpstream, portOf, type UpstreamName } from './upstream.ts'

/** Longest that an observation waits in the relay's thread. */
const FLUSH_US = 20_000
const SWEEP_US = 500_000
const REFRESH_NAMES_US = 30_000_000
/** A drained connection was quiet for so long before it is closed. */
const QUIET_US = 200_000

const NO_COUNTS: ObserverCounts = {
  requests: 0,
  inFlight: 0,
  recorded: 0,
  hungUp: 0,
  failed: 0,
  unreadable: 0,
  passed: 0,
  serverCounted: 0,
  gapRows: 0,
  lostRows: 0,
  segments: 0,
  fileBytes: 0,
}

function observerConfig(
  options: RecordOptions,
  { clock, env }: World,
  secret: Uint8Array,
  originUs: number,
): ObserverConfig {
  return {
    directory: options.directory,
    header: newHeader('recorded', {
      originWallUs: clock.wallUs(),
      clock: { quantumUs: 1, anchors: [{ atUs: 0, wallUs: clock.wallUs() }] },
      ...observeHeader(options.observe, secret, options.tls.isInsecure),
    }),
    originUs,
    limits: {
      maxBodyBytes: options.maxBodyBytes,
      maxStreamBytes: options.maxStreamBytes,
      maxHeadBytes: options.maxHeadBytes,
    },
    maxRows: options.queueRows,
    rotateBytes: options.rotateBytes,
    rotateUs: options.rotateUs,
    retention: options.retention,
    observe: options.observe,
    secret,
    origins: Object.fromEntries(
      options.routes.map(({ name, upstream }) => [name, upstream.origin]),
    ),
    apiKey: env['TRACE_UPSTREAM_KEY'] ?? null,
  }
}

export class RecordSession {
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
  #digest: string | null = null
  #loops: Promise<void>[] = []

  constructor(options: RecordOptions, world: World, secret: Uint8Array) {
    const { clock } = world
    this.#world = world
    this.#tls = new TlsMaterial(options.tls)
    this.#startedAtUs = clock.nowUs()
    const config = observerConfig(options, world, secret, this.#startedAtUs)
    this.#feed = new Feed({
      clock,
      queueBytes: options.queueBytes,
      queueRecords: options.queueRecords,
      startObserver: () => startThread(import.meta.url, './observe-worker', { workerData: config }),
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
        connectUs: options.connectTimeoutUs,
        idleUs: options.idleTimeoutUs,
        totalUs: options.totalTimeoutUs,
      },
      maxConnections: options.maxConnections,
      takesOver: options.takesOver,
    })
  }

  /** @throws TraceError PORT_IN_USE; then nothing was made */
  async start(): Promise<void> {
    await this.#tls.load()
    await Promise.all(this.#names.map(async ({ name }) => name.refresh()))
    await this.relay.open()
    this.#feed.start()
    const { signal } = this.#stopping
    this.#loops = [
      every(FLUSH_US, signal, () => this.#feed.flush()),
      every(SWEEP_US, signal, () => this.relay.sweep()),
      every(REFRESH_NAMES_US, signal, () => {
        for (const { name } of this.#names) void name.refresh()
      }),
    ]
  }

  /** Certificates of new connections; files that do not fit leave the old ones in use. */
  async reload(): Promise<void> {
    await this.#tls.load()
  }

  noteServer(server: ServerFacts, url: URL): void {
    const atUs = this.#world.clock.nowUs()
    this.#feed.send({ type: 'event', atUs, kind: 'server', detail: server })
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

  /** Figures now; `requestsPerSec` over the whole run. */
  status(nowUs: number): RecordStatus {
    const elapsedUs = nowUs - this.#startedAtUs
    const counts = addCounts(this.#before, this.#counts)
    return {
      elapsedUs,
      requestsPerSec: elapsedUs === 0 ? 0 : (counts.requests * 1_000_000) / elapsedUs,
      counts,
      unrecorded: this.#feed.shedCount + counts.lostRows + counts.unreadable,
      connections: this.relay.connectionCount,
      addedP50Us: this.relay.delays.quantileUs(0.5),
      addedP99Us: this.relay.delays.quantileUs(0.99),
      degraded: this.#feed.isUp ? this.#degraded : 'the observer is down',
      upstreamProblem: this.#names.map(({ problem }) => problem()).find(Boolean) ?? null,
    }
  }

  #onMessage(message: FromObserver): void {
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

/** Sums of two observers, but for what only the later one can know. */
function addCounts(before: ObserverCounts, now: ObserverCounts): ObserverCounts {
  return {
    requests: before.requests + now.requests,
    inFlight: now.inFlight,
    recorded: before.recorded + now.recorded,
    hungUp: before.hungUp + now.hungUp,
    failed: before.failed + now.failed,
    unreadable: before.unreadable + now.unreadable,
    passed: before.passed + now.passed,
    serverCounted: before.serverCounted + now.serverCounted,
    gapRows: before.gapRows + now.gapRows,
    lostRows: before.lostRows + now.lostRows,
    segments: now.segments,
    fileBytes: now.fileBytes,
  }
}
