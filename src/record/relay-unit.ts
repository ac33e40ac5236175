/**
 * One thread's share of the relaying: its listeners and connections, the names and certificates that
 * they need, and its way to the observer. Effects: sockets, resolver, timers.
 */
import type { Clock } from '../base/clock.ts'
import { every } from './every.ts'
import { Feed } from './feed.ts'
import { createFront } from './front.ts'
import type { FromObserver } from './messages.ts'
import type { ObserverLink } from './observer-link.ts'
import { Relay, type Route } from './relay.ts'
import type { RelayStatus, RelayWork } from './relay-messages.ts'
import { TlsMaterial } from './tls-material.ts'
import { createUpstream, type UpstreamName } from './upstream.ts'

/** Longest that an observation waits in the relay's thread. */
const FLUSH_US = 50_000
const SWEEP_US = 500_000
const REFRESH_NAMES_US = 30_000_000
/** An observer that missed a request is told of for so long, so that a probe can see it. */
export const BEHIND_US = 10_000_000

export type UnitOptions = Readonly<{
  work: RelayWork
  clock: Clock
  /** null: the observer is another thread's, and `feed.attach` is called with each. */
  startObserver: (() => ObserverLink) | null
  onMessage: (message: FromObserver) => void
  isRecording: () => boolean
}>

export class RelayUnit {
  readonly #clock: Clock
  readonly relay: Relay
  readonly feed: Feed
  readonly #names: UpstreamName[]
  readonly #tls: TlsMaterial
  readonly #stopping = new AbortController()
  #loops: Promise<void>[] = []

  constructor({ work, clock, startObserver, onMessage, isRecording }: UnitOptions) {
    const { queueBytes, queueRecords, mustRecord, asksUsage, maxConnections } = work
    this.#clock = clock
    this.#tls = new TlsMaterial(work.tls)
    this.feed = new Feed({ clock, queueBytes, queueRecords, startObserver, onMessage })
    const front = createFront({
      isProxied: work.isProxied,
      proxyVersion: work.proxyVersion,
      tls: () => this.#tls.server,
    })
    this.#names = work.routes.map(({ name, upstream }) => {
      const url = new URL(upstream)
      return createUpstream(name, url, () => this.#tls.dialTls(url))
    })
    const routes: Route[] = work.routes.map(({ listen, socket }, index) => {
      const { upstream } = this.#names[index] as UpstreamName
      return { listen, socket, upstream, front }
    })
    this.relay = new Relay({
      index: work.index,
      clock,
      feed: this.feed,
      routes,
      limits: {
        silentUs: work.dialSilentUs,
        connectUs: work.connectTimeoutUs,
        idleUs: work.idleTimeoutUs,
        totalUs: work.totalTimeoutUs,
      },
      maxConnections,
      asksUsage,
      mustRecord,
      isRecording,
    })
  }

  /** Listens; connections wait for `begin`. @throws TraceError PORT_IN_USE, BAD_OPTION */
  async open(): Promise<void> {
    await this.#tls.load()
    await Promise.all(this.#names.map(async ({ name }) => name.refresh()))
    await this.relay.open()
  }

  begin(): void {
    this.relay.begin()
    const { signal } = this.#stopping
    this.#loops = [
      every(FLUSH_US, signal, () => this.feed.flush()),
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

  /** Ends what `begin` began, and the feed. */
  async close(patienceUs: number): Promise<void> {
    this.relay.stopAccepting()
    this.#stopping.abort()
    await Promise.all(this.#loops)
    await this.feed.close(patienceUs)
  }

  get status(): RelayStatus {
    const { relay, feed } = this
    return {
      connections: relay.connectionCount,
      shed: feed.shedCount,
      isBehind: this.#clock.nowUs() - feed.fullAtUs < BEHIND_US,
      delays: relay.delays.tally,
      upstreamProblem: this.#names.map(({ problem }) => problem()).find(Boolean) ?? null,
    }
  }
}
