/**
 * Finds where the events of an event stream end, and stamps each; parses nothing while it streams.
 *
 * Kept are whole events without the comments that servers send to keep a connection open. Pure.
 */

/** One event, or all events of an answer, longer than this are kept only up to the limit. */
export const MAX_EVENT_BYTES = 4_000_000
export const MAX_STREAM_BYTES = 32_000_000

const FIRST_ARENA_BYTES = 8_192
const FIRST_EVENTS = 64

const NOTHING = Buffer.alloc(0)

const CR = 13
const LF = 10
const COLON = 58
const BOM = [0xef, 0xbb, 0xbf] as const

export type SplitterLimits = Readonly<{ maxEventBytes?: number; maxStreamBytes?: number }>

type Storage = Readonly<{ arena: Buffer; ends: Uint32Array; atUs: Float64Array }>

/** Left by streams that ended, for streams that begin: a thread that reads many asks for no memory. */
const spare: Storage[] = []
const MAX_SPARE = 256
const MAX_SPARE_BYTES = 65_536

function newStorage(): Storage {
  return {
    arena: Buffer.allocUnsafeSlow(FIRST_ARENA_BYTES),
    ends: new Uint32Array(FIRST_EVENTS),
    atUs: new Float64Array(FIRST_EVENTS),
  }
}

export class SseSplitter {
  /** Event bytes one after the other, each with its line ends; longer than `keptBytes`. */
  arena: Buffer
  /** Where the k-th event ends in `arena`. Longer than `eventCount`. */
  ends: Uint32Array
  /** When its last byte arrived. */
  atUs: Float64Array
  eventCount = 0
  /** Something was too long: what follows is neither kept nor counted. */
  isCut = false
  readonly #maxEventBytes: number
  readonly #maxStreamBytes: number
  #length = 0
  #eventStart = 0
  /** The line so far: bytes seen, 0 at its start. */
  #lineBytes = 0
  #isComment = false
  #hasField = false
  #skipLf = false
  #bomBytes = 0

  constructor(limits: SplitterLimits = {}) {
    const { arena, ends, atUs } = spare.pop() ?? newStorage()
    this.arena = arena
    this.ends = ends
    this.atUs = atUs
    this.#maxEventBytes = limits.maxEventBytes ?? MAX_EVENT_BYTES
    this.#maxStreamBytes = limits.maxStreamBytes ?? MAX_STREAM_BYTES
  }

  /** Bytes of `arena` that are whole events. */
  get keptBytes(): number {
    return this.#eventStart
  }

  /** @param bytes body bytes at [from, to), without transfer framing, that arrived at `atUs` */
  push(bytes: Buffer, from: number, to: number, atUs: number): void {
    if (this.isCut) return
    let at = this.#bomBytes < 3 ? this.#skipBom(bytes, from, to) : from
    let runStart = at
    while (at < to) {
      const byte = bytes[at] ?? 0
      if (this.#lineBytes === 0) {
        if (byte === LF && this.#skipLf) {
          this.#skipLf = false
          at += 1
          // The second half of a CRLF that ended an event belongs to no event.
          if (runStart === at - 1 && this.#length === this.#eventStart) runStart = at
          continue
        }
        this.#isComment = byte === COLON
      }
      const lineStart = at
      at = endOfLine(bytes, at, to)
      this.#lineBytes += at - lineStart
      if (at === to) break
      this.#skipLf = bytes[at] === CR
      at += 1
      if (this.#lineBytes > 0) {
        this.#hasField ||= !this.#isComment
        this.#lineBytes = 0
        continue
      }
      if (!this.#append(bytes, runStart, at)) return
      runStart = at
      this.#endEvent(atUs)
    }
    this.#append(bytes, runStart, to)
  }

  /** The stream is whole: an event that lacks its blank line counts, as long as its line is over. */
  finish(atUs: number): void {
    if (!this.isCut && this.#hasField && this.#lineBytes === 0) this.#endEvent(atUs)
  }

  /** Forgets events whose last byte came later. Nothing may be pushed after. */
  dropAfter(atUs: number): void {
    while (this.eventCount > 0 && (this.atUs[this.eventCount - 1] ?? 0) > atUs) this.eventCount -= 1
    this.#eventStart = this.eventCount === 0 ? 0 : (this.ends[this.eventCount - 1] ?? 0)
  }

  /** Nothing of what it kept is looked at any more: another stream may have the memory. */
  release(): void {
    const { arena, ends, atUs } = this
    this.isCut = true
    this.eventCount = 0
    if (arena.length > MAX_SPARE_BYTES || spare.length >= MAX_SPARE) return
    spare.push({ arena, ends, atUs })
    this.arena = NOTHING
  }

  #endEvent(atUs: number): void {
    if (this.#hasField) {
      if (this.eventCount === this.ends.length) this.#growEvents()
      this.ends[this.eventCount] = this.#length
      this.atUs[this.eventCount] = atUs
      this.eventCount += 1
      this.#eventStart = this.#length
    } else {
      this.#length = this.#eventStart
    }
    this.#hasField = false
  }

  #append(bytes: Buffer, from: number, to: number): boolean {
    const needed = this.#length + to - from
    if (needed > this.#maxStreamBytes || needed - this.#eventStart > this.#maxEventBytes) {
      this.isCut = true
      return false
    }
    if (needed > this.arena.length) this.#growArena(needed)
    if (to - from > SHORT_BYTES) {
      bytes.copy(this.arena, this.#length, from, to)
    } else {
      for (let at = from, into = this.#length; at < to; at += 1, into += 1) {
        this.arena[into] = bytes[at] ?? 0
      }
    }
    this.#length = needed
    return true
  }

  #growArena(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.arena.length * 2))
    this.arena.copy(larger, 0, 0, this.#length)
    this.arena = larger
  }

  #growEvents(): void {
    const ends = new Uint32Array(this.ends.length * 2)
    ends.set(this.ends)
    this.ends = ends
    const atUs = new Float64Array(this.atUs.length * 2)
    atUs.set(this.atUs)
    this.atUs = atUs
  }

  /** A byte-order mark may stand at the very start, in as many pieces as it likes. */
  #skipBom(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (at < to && this.#bomBytes < 3) {
      if (bytes[at] !== BOM[this.#bomBytes]) {
        if (this.#bomBytes > 0) this.#lineBytes = this.#bomBytes
        this.#bomBytes = 3
        return at
      }
      this.#bomBytes += 1
      at += 1
    }
    return at
  }
}

/** Below this a loop is quicker than a native copy. */
const SHORT_BYTES = 32

function endOfLine(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to) {
    const byte = bytes[at]
    if (byte === LF || byte === CR) return at
    at += 1
  }
  return to
}
