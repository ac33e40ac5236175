/** Gives out connections: idle ones again where that is wanted, and never more than there may be. Pure but for its wires. */
import type { ReadyRequest } from './flight-result.ts'
import { Link, LinkPool, type ConnectionMode } from './link.ts'
import type { OpenWire, WireEvents } from './wire.ts'

export type LinkDeskOptions = Readonly<{
  openWire: OpenWire
  connections: ConnectionMode
  /** How long a connection is held before its request is written. */
  leadUs: number
  /** File handles are not without end. */
  maxLinks: number
  /** A connection has ended: there may be room again. */
  onRoom: () => void
}>

/** A finished connection that the server has not closed after this long is closed by us. */
const LINGER_US = 1_000_000
/** Closed for each that is opened: where servers close none, ours are no more than they were. */
const CLOSES_PER_OPEN = 2

export class LinkDesk {
  readonly #options: LinkDeskOptions
  readonly #pool = new LinkPool()
  /** The servers of these were asked to close first, which leaves their side with the port to wait for. */
  readonly #leaving: Link[] = []
  #links = 0

  constructor(options: LinkDeskOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#links >= this.#options.maxLinks && !this.#pool.canEvict
  }

  /** Connections without a user. */
  get idleCount(): number {
    return this.#pool.size + this.#leaving.length
  }

  /** @param isReplacement a used connection has just failed this request: it gets a new one */
  take(request: ReadyRequest, user: WireEvents, nowUs: number, isReplacement: boolean): Link {
    const { connections, openWire, leadUs } = this.#options
    const { target, isReuseWanted } = request
    const mayReuse = connections === 'pool' || (connections === 'recorded' && isReuseWanted)
    const link = mayReuse && !isReplacement ? this.#pool.take(target, nowUs, leadUs) : null
    if (link === null) {
      // Room may have been seen in a connection that this request cannot use: that one goes.
      if (this.#links >= this.#options.maxLinks) this.#pool.evict()
      this.#links += 1
      this.#closeLeft(nowUs, CLOSES_PER_OPEN)
      return new Link(target, openWire, user, this.#gone)
    }
    link.user = user
    return link
  }

  /** Its answer is whole. @param isKept the server will take another request on it */
  leave(link: Link, isKept: boolean, nowUs: number): void {
    if (isKept && this.#options.connections !== 'fresh') return this.#pool.give(link, nowUs)
    link.idleSinceUs = nowUs
    this.#leaving.push(link)
  }

  /** Closes what has been idle for too long. */
  trim(nowUs: number): void {
    this.#pool.trim(nowUs)
    this.#closeLeft(nowUs, Number.POSITIVE_INFINITY)
  }

  #closeLeft(nowUs: number, most: number): void {
    const isOver = (link: Link | undefined) =>
      link !== undefined && (link.isGone || nowUs - link.idleSinceUs > LINGER_US)
    for (let closed = 0; closed < most && isOver(this.#leaving[0]);) {
      const link = this.#leaving.shift()!
      if (link.isGone) continue
      link.close()
      closed += 1
    }
  }

  readonly #gone = (): void => {
    this.#links -= 1
    this.#options.onRoom()
  }
}
