/** A connection and who uses it now; it may serve one request after another. Pure but for its wire. */
import type { OpenWire, Wire, WireEvents } from './wire.ts'

export const CONNECTION_MODES = ['fresh', 'pool', 'recorded'] as const
/**
 * - fresh: each request has a connection of its own, opened ahead of its instant
 * - pool: a connection that an earlier request left idle is used again
 * - recorded: used again where the recorded request came on a used one
 */
export type ConnectionMode = (typeof CONNECTION_MODES)[number]

export class Link implements WireEvents {
  readonly target: number
  readonly #wire: Wire
  readonly #onGone: () => void
  /** Who hears of what happens; null while nobody uses it. */
  user: WireEvents | null
  isConnected = false
  /** It has carried an answer before. */
  isReused = false
  /** The server has ended it: nothing can be sent on it any more. */
  isGone = false
  idleSinceUs = 0

  /** @param onGone called once, when its file handle is free again */
  constructor(target: number, openWire: OpenWire, user: WireEvents, onGone: () => void) {
    this.target = target
    this.user = user
    this.#onGone = onGone
    this.#wire = openWire(target, this)
  }

  get unsentBytes(): number {
    return this.#wire.unsentBytes
  }

  write(bytes: Uint8Array): void {
    this.#wire.write(bytes)
  }

  close(): void {
    this.isGone = true
    this.#wire.close()
  }

  /** Closes it, and tells nobody what still becomes of it. */
  abandon(): void {
    this.user = null
    this.close()
  }

  connected(): void {
    this.isConnected = true
    this.user?.connected()
  }

  bytes(buffer: Buffer, sizeBytes: number): void {
    // Bytes that nobody asked for: what comes next on this connection would be misread.
    if (this.user === null) this.close()
    else this.user.bytes(buffer, sizeBytes)
  }

  drained(): void {
    this.user?.drained()
  }

  ended(): void {
    this.isGone = true
    if (this.user === null) this.close()
    else this.user.ended()
  }

  closed(code: string | null): void {
    this.isGone = true
    this.user?.closed(code)
    this.#onGone()
  }
}

/** vLLM closes what is idle for 5 s: one that has waited longer than this is not used again. */
export const MAX_IDLE_US = 2_000_000

/** Connections without a user, the last used first: the others grow old and are closed. */
export class LinkPool {
  readonly #idle: Link[] = []

  /** @param leadUs how long it will wait before its request is written */
  take(target: number, nowUs: number, leadUs: number): Link | null {
    for (let at = this.#idle.length - 1; at >= 0; at -= 1) {
      const link = this.#idle[at]
      if (link === undefined || link.target !== target || link.isGone) continue
      if (nowUs + leadUs - link.idleSinceUs > MAX_IDLE_US) return null
      this.#idle.splice(at, 1)
      return link
    }
    return null
  }

  give(link: Link, nowUs: number): void {
    link.user = null
    link.isReused = true
    link.idleSinceUs = nowUs
    this.#idle.push(link)
  }

  get size(): number {
    return this.#idle.length
  }

  /** One can be closed for another: those that servers have ended hold no file handle. */
  get canEvict(): boolean {
    while (this.#idle[0]?.isGone === true) this.#idle.shift()
    return this.#idle.length > 0
  }

  /** Closes the one that has waited longest. */
  evict(): void {
    if (this.canEvict) this.#idle.shift()?.close()
  }

  /** Closes what has waited too long, or all of it. */
  trim(nowUs: number): void {
    for (let at = this.#idle.length - 1; at >= 0; at -= 1) {
      const link = this.#idle[at]!
      if (!link.isGone && nowUs - link.idleSinceUs <= MAX_IDLE_US) continue
      link.close()
      this.#idle.splice(at, 1)
    }
  }
}
