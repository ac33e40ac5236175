/**
 * Finds where the events of an event stream end, and stamps each; parses nothing while it streams.
 *
 * Kept are whole events without the comments that servers send to keep a connection open. Pure.
 */
import { EventLog, LEAST_END_BYTES } from './event-log.ts'
import type { OnEvent } from './kept-events.ts'

/** One event, or all events of an answer, longer than this are kept only up to the limit. */
export const MAX_EVENT_BYTES = 4_000_000
export const MAX_STREAM_BYTES = 32_000_000

const FIRST_PENDING_BYTES = 512
const NOTHING = Buffer.alloc(0)

const CR = 13
const LF = 10
const COLON = 58
const BOM = [0xef, 0xbb, 0xbf] as const

export type SplitterLimits = Readonly<{ maxEventBytes?: number; maxStreamBytes?: number }>

export class SseSplitter {
  readonly log = new EventLog()
  /** Of the events that were kept, their bytes on the wire. */
  keptBytes = 0
  /** Something was too long: what follows is neither kept nor counted. */
  isCut = false
  readonly #onEvent: OnEvent | null
  readonly #maxEventBytes: number
  readonly #maxStreamBytes: number
  /** The start of an event whose end is still to come. */
  #pending: Buffer = NOTHING
  #pendingBytes = 0
  /** The line so far: bytes seen, 0 at its start. */
  #lineBytes = 0
  #isComment = false
  #hasField = false
  #skipLf = false
  #bomBytes = 0
  /** The log's pattern begins with a field, and its last two lines end in LF. */
  #isPatternPlain = false

  /** @param onEvent told of each whole event as it is found */
  constructor(limits: SplitterLimits = {}, onEvent: OnEvent | null = null) {
    this.#onEvent = onEvent
    this.#maxEventBytes = limits.maxEventBytes ?? MAX_EVENT_BYTES
    this.#maxStreamBytes = limits.maxStreamBytes ?? MAX_STREAM_BYTES
  }

  /** @param bytes body bytes at [from, to), without transfer framing, that arrived at `atUs` */
  push(bytes: Buffer, from: number, to: number, atUs: number): void {
    if (this.isCut || this.#pushAlike(bytes, from, to, atUs)) return
    let at = this.#bomBytes < 3 ? this.#skipBom(bytes, from, to) : from
    let runStart = at
    while (at < to) {
      const byte = bytes[at] ?? 0
      if (this.#lineBytes === 0) {
        if (byte === LF && this.#skipLf) {
          this.#skipLf = false
          at += 1
          // The second half of a CRLF that ended an event belongs to no event.
          if (runStart === at - 1 && this.#pendingBytes === 0) runStart = at
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
      if (!this.#endEvent(bytes, runStart, at, atUs)) return
      runStart = at
    }
    this.#keepPending(bytes, runStart, to)
  }

  /** The stream is whole: an event that lacks its blank line counts, as long as its line is over. */
  finish(atUs: number): void {
    if (!this.isCut && this.#hasField && this.#lineBytes === 0) this.#endEvent(NOTHING, 0, 0, atUs)
  }

  /** Nothing of what it kept is looked at any more. */
  release(): void {
    this.isCut = true
    this.log.release()
  }

  /**
   * Takes all of [from, to) as one event that differs from the log's pattern only within a line: then
   * its lines end where the pattern's do, and need not be looked for.
   *
   * @returns false if it cannot be taken so
   */
  #pushAlike(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    if (!this.#isPatternPlain || this.#lineBytes > 0 || this.#pendingBytes > 0 || this.#skipLf) {
      return false
    }
    const { log } = this
    log.compare(bytes, from, to)
    const start = from + log.likeStart
    const end = to - log.likeEnd
    // Its end holds the pattern's two last line ends, and its start a part of the first line.
    if (log.likeStart === 0 || log.likeEnd < LEAST_END_BYTES) return false
    for (let at = start - 1; at < end; at += 1) {
      if (bytes[at] === LF || bytes[at] === CR) return false
    }
    if (this.#isTooLong(to - from)) return false
    log.add(bytes, from, to, atUs)
    this.keptBytes += to - from
    this.#onEvent?.(bytes, from, to, atUs)
    return true
  }

  /** The event's last bytes are at [from, to). @returns false if it was too long */
  #endEvent(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    if (this.#pendingBytes === 0) return this.#addEvent(bytes, from, to, atUs)
    if (!this.#keepPending(bytes, from, to)) return false
    const pendingBytes = this.#pendingBytes
    this.#pendingBytes = 0
    return this.#addEvent(this.#pending, 0, pendingBytes, atUs)
  }

  #addEvent(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    if (this.#isTooLong(to - from)) {
      this.isCut = true
      return false
    }
    if (!this.#hasField) return true
    this.#hasField = false
    const { log } = this
    log.compare(bytes, from, to)
    if (log.add(bytes, from, to, atUs)) {
      const first = bytes[from]
      this.#isPatternPlain =
        first !== COLON && first !== CR && bytes[to - 1] === LF && bytes[to - 2] === LF
    }
    this.keptBytes += to - from
    this.#onEvent?.(bytes, from, to, atUs)
    return true
  }

  #isTooLong(bytes: number): boolean {
    return bytes > this.#maxEventBytes || this.keptBytes + bytes > this.#maxStreamBytes
  }

  #keepPending(bytes: Buffer, from: number, to: number): boolean {
    if (from === to) return true
    const needed = this.#pendingBytes + to - from
    if (this.#isTooLong(needed)) {
      this.isCut = true
      return false
    }
    if (needed > this.#pending.length) {
      const least = Math.max(needed, this.#pending.length * 2, FIRST_PENDING_BYTES)
      const larger = Buffer.allocUnsafeSlow(least)
      this.#pending.copy(larger, 0, 0, this.#pendingBytes)
      this.#pending = larger
    }
    bytes.copy(this.#pending, this.#pendingBytes, from, to)
    this.#pendingBytes = needed
    return true
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

function endOfLine(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to) {
    const byte = bytes[at]
    if (byte === LF || byte === CR) return at
    at += 1
  }
  return to
}
