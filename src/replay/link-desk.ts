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

export class LinkDesk {
  readonly #options: LinkDeskOptions
  readonly #pool = new LinkPool()
  #links = 0

  constructor(options: LinkDeskOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#links >= this.#options.maxLinks && this.#pool.size === 0
  }

  /** Connections without a user. */
  get idleCount(): number {
    return this.#pool.size
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
      return new Link(target, openWire, user, this.#gone)
    }
    link.user = user
    return link
  }

  /** @returns false where its connection is not to be used again */
  keep(link: Link, nowUs: number): boolean {
    if (this.#options.connections === 'fresh') return false
    this.#pool.give(link, nowUs)
    return true
  }

  /** Closes what has been idle for too long. */
  trim(nowUs: number): void {
    this.#pool.trim(nowUs)
  }

  readonly #gone = (): void => {
    this.#links -= 1
    this.#options.onRoom()
  }
}
