/** Every listener with its connections: accepts, counts, times out, drains. Effects: sockets. */
import type { Clock } from '../base/clock.ts'
import type { HostPort } from '../base/parse.ts'
import { listen, type Server, type Socket } from '../base/socket.ts'
import { DelayMeter } from './delay-meter.ts'
import type { Feed } from './feed.ts'
import type { Front } from './front.ts'
import { Pipe } from './pipe.ts'
import { IDS_PER_THREAD } from './relay-messages.ts'
import type { PipeContext, PipeLimits, Upstream } from './pipe-context.ts'

/** One read takes at most this much, and a slow client holds at most two of it. */
const READ_BYTES = 65_536
/** For a PROXY header to come. */
const ENTERING_US = 5_000_000
/** Turns of the event loop that closing a listener may wait for its queue. */
const CLOSE_TURNS = 5_000
const SHORT_TURN_US = 30
/** While stopping, a connection on which nothing was said is closed at that age. */
const UNUSED_US = 1_000_000
/** While stopping, a server that has not been reached after so long will not be: 502. */
const LAST_DIAL_US = 1_000_000

export type Route = Readonly<{
  listen: HostPort
  /** One that listens there already; null: one is opened. */
  socket: number | null
  upstream: Upstream
  front: Front
}>

export type RelayOptions = Readonly<{
  /** Of the thread: its connections have ids of its own. */
  index: number
  clock: Clock
  feed: Feed
  routes: readonly Route[]
  limits: PipeLimits
  maxConnections: number
  asksUsage: boolean
  /** Requests that cannot be recorded are refused. */
  mustRecord: boolean
  isRecording: () => boolean
}>

export type RelayCounts = {
  accepted: number
  refusedUpstream: number
  refusedLimit: number
}

export class Relay {
  readonly #options: RelayOptions
  readonly #context: PipeContext
  readonly #pipes = new Map<number, Pipe>()
  /** Sockets that have not said yet who they are, and since when. */
  readonly #entering = new Map<Socket, number>()
  /** Connections that came before the observer was there to see them; null once it is. */
  #early: (() => void)[] | null = []
  #servers: Server[] = []
  #accepted = 0
  #isStopping = false
  #onEmpty: (() => void) | null = null
  readonly counts: RelayCounts = { accepted: 0, refusedUpstream: 0, refusedLimit: 0 }
  readonly delays = new DelayMeter((callback) => void setImmediate(callback))

  constructor(options: RelayOptions) {
    this.#options = options
    this.#context = {
      feed: options.feed,
      delays: this.delays,
      nowUs: () => options.clock.nowUs(),
      asksUsage: options.asksUsage,
      mustRecord: options.mustRecord,
      mayPass: (tap) => options.isRecording() && tap.isFollowed,
      readBuffer: Buffer.allocUnsafeSlow(READ_BYTES),
      onGone: (id) => this.#forget(id),
      onRefused: () => void (this.counts.refusedUpstream += 1),
    }
  }

  get connectionCount(): number {
    return this.#pipes.size
  }

  /** @throws TraceError PORT_IN_USE; then nothing listens */
  async open(): Promise<void> {
    try {
      for (const route of this.#options.routes) {
        // Shared, so that a later recorder may take the port over; `probePorts` keeps that from accidents.
        const onConnection = (socket: Socket): void => this.#accept(socket, route)
        const { socket } = route
        const server = await listen(route.listen, { isShared: true, socket, onConnection })
        this.#servers.push(server)
      }
      // Asked to stop meanwhile: what has opened since then listens no longer, either.
      if (this.#isStopping) this.stopAccepting()
    } catch (error) {
      this.stopAccepting()
      throw error
    }
  }

  /** New connections are refused by the system from here on; those that are there go on. */
  stopAccepting(): void {
    this.#isStopping = true
    this.#closeWhenEmpty(this.#servers, this.counts.accepted, CLOSE_TURNS)
    this.#servers = []
  }

  /**
   * What the system has accepted for us and we have not is reset when a listener closes, and a turn
   * of the event loop takes one connection: so it closes after a turn that brought none, and that was
   * short, since what came meanwhile is lost.
   */
  #closeWhenEmpty(servers: readonly Server[], accepted: number, turns: number): void {
    const beganUs = this.#options.clock.nowUs()
    setImmediate(() => {
      const tookUs = this.#options.clock.nowUs() - beganUs
      const isQuiet = this.counts.accepted === accepted && tookUs <= SHORT_TURN_US
      if ((isQuiet && turns < CLOSE_TURNS - 1) || turns === 0) {
        for (const server of servers) server.close()
      } else this.#closeWhenEmpty(servers, this.counts.accepted, turns - 1)
    })
  }

  sweep(): void {
    const nowUs = this.#options.clock.nowUs()
    const { limits } = this.#options
    const connectUs = Math.min(limits.connectUs, LAST_DIAL_US)
    const current = this.#isStopping ? { ...limits, silentUs: 0, connectUs } : limits
    for (const pipe of this.#pipes.values()) {
      pipe.sweep(nowUs, current)
      // A client that has just connected is about to ask.
      const isForgotten = pipe.isUnused && nowUs - pipe.waiting.openedAtUs > UNUSED_US
      if (this.#isStopping && isForgotten) pipe.close()
    }
    for (const [socket, sinceUs] of this.#entering) {
      if (nowUs - sinceUs > ENTERING_US) socket.destroy()
    }
  }

  /**
   * Closes connections that wait between two requests.
   *
   * @param pairs connection and how many client bytes the observer had seen of it, in turns
   * @param beforeUs only those quiet since then
   */
  closeIdle(pairs: Float64Array, beforeUs: number): void {
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const pipe = this.#pipes.get(pairs[at] ?? 0)
      if (pipe === undefined || pipe.tap.clientBytes !== pairs[at + 1]) continue
      if (pipe.waiting.movedAtUs < beforeUs) pipe.close()
    }
  }

  /** Resolves once no connection is left. */
  async empty(): Promise<void> {
    if (this.#pipes.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    await promise
  }

  cutAll(): void {
    for (const pipe of this.#pipes.values()) pipe.cut()
  }

  #accept(socket: Socket, route: Route): void {
    this.counts.accepted += 1
    if (this.#pipes.size + this.#entering.size >= this.#options.maxConnections) {
      this.counts.refusedLimit += 1
      socket.resetAndDestroy()
      return
    }
    // Until a pipe owns it, an error must not be one that nobody listens to.
    socket.on('error', () => undefined)
    this.#entering.set(socket, this.#options.clock.nowUs())
    socket.once('close', () => this.#entering.delete(socket))
    const enter = (): void =>
      route.front(socket, (client, preamble) => this.#join(socket, client, preamble, route))
    if (this.#early === null) enter()
    else this.#early.push(() => socket.destroyed || enter())
  }

  #join(socket: Socket, client: Socket, preamble: Buffer | null, { upstream }: Route): void {
    this.#entering.delete(socket)
    // A connection does not live for as many others as there are ids.
    this.#accepted = (this.#accepted + 1) % IDS_PER_THREAD
    const id = this.#options.index * IDS_PER_THREAD + this.#accepted
    const pipe = new Pipe(id, client, preamble, upstream, this.#context)
    this.#pipes.set(id, pipe)
  }

  /** Lets connections in; those that came before this was called waited for it. */
  begin(): void {
    const early = this.#early ?? []
    this.#early = null
    for (const enter of early) enter()
  }

  #forget(id: number): void {
    this.#pipes.delete(id)
    if (this.#pipes.size > 0) return
    this.#onEmpty?.()
    this.#onEmpty = null
  }
}

/** @throws TraceError PORT_IN_USE if another recorder, or anything else, has one of the ports */
export async function probePorts(addresses: readonly HostPort[]): Promise<void> {
  for (const address of addresses) {
    const server = await listen(address, { isShared: false, onConnection: destroy })
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
}

function destroy(socket: Socket): void {
  socket.destroy()
}
