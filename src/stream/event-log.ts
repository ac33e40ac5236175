/**
 * The events of one stream and when they came, as one piece of bytes. Most differ from an earlier one in
 * a word, and of those only the word is kept: an answer takes much less memory than it took on the wire.
 * An event that is kept whole is the pattern of those after it, up to the next whole one. Pure.
 *
 * Each event: how long after the one before it its last byte arrived; how many bytes of its own follow;
 * how much of its start and of its end is its pattern's, nothing of either where it is whole; its bytes.
 */
import { copyBytes } from './copy-bytes.ts'

/**
 * What is kept grows page by page: streams that run in step would all ask for twice the memory within one
 * step, and every stamp of that step would be late.
 */
const PAGE_BYTES = 1_024
const PAGES_PER_SLAB = 256
/** So many of the last bytes count as the end even of an event that is all like its pattern. */
export const LEAST_END_BYTES = 4
const LEAST_LARGE = 2 ** 31

/** Left by streams that ended, for streams that begin: a thread that reads many asks for no memory. */
const spare: Buffer[] = []
const MAX_SPARE = 8_192

const NOTHING: Buffer = Buffer.alloc(0)

function takePage(): Buffer {
  const page = spare.pop()
  if (page !== undefined) return page
  const slab = Buffer.allocUnsafeSlow(PAGES_PER_SLAB * PAGE_BYTES)
  for (let at = PAGE_BYTES; at < slab.length; at += PAGE_BYTES)
    givePage(slab.subarray(at, at + PAGE_BYTES))
  return slab.subarray(0, PAGE_BYTES)
}

function givePage(page: Buffer): void {
  if (page.length === PAGE_BYTES && spare.length < MAX_SPARE) spare.push(page)
}

export class EventLog {
  /** Of the event that was compared last: how much of its start and of its end is its pattern's. */
  likeStart = 0
  likeEnd = 0
  readonly #full: Buffer[] = []
  #page = NOTHING
  #length = 0
  #pattern = NOTHING
  #patternBytes = 0
  #lastUs = 0

  /** What was kept of all events; `kept-events.ts` gives them back. */
  get bytes(): Buffer {
    const all = Buffer.allocUnsafeSlow(this.#full.length * PAGE_BYTES + this.#length)
    for (const [index, page] of this.#full.entries()) page.copy(all, index * PAGE_BYTES)
    this.#page.copy(all, this.#full.length * PAGE_BYTES, 0, this.#length)
    return all
  }

  /** Sets `likeStart` and `likeEnd` for an event at [from, to). */
  compare(bytes: Buffer, from: number, to: number): void {
    const pattern = this.#pattern
    const patternTo = this.#patternBytes
    const most = Math.min(to - from, patternTo)
    let start = 0
    while (start < most - LEAST_END_BYTES && bytes[from + start] === pattern[start]) start += 1
    const rest = most - start
    let end = 1
    while (end <= rest && bytes[to - end] === pattern[patternTo - end]) end += 1
    this.likeStart = start
    this.likeEnd = end - 1
  }

  /**
   * Keeps the event at [from, to), which was the last to be compared.
   *
   * @param atUs whole, not before the event before it
   * @returns true if it is the pattern from now on
   */
  add(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    const isLike = 2 * (this.likeStart + this.likeEnd) >= to - from
    const start = isLike ? this.likeStart : 0
    const end = isLike ? this.likeEnd : 0
    this.#putNumber(Math.max(0, atUs - this.#lastUs))
    this.#putNumber(to - from - start - end)
    this.#putNumber(start)
    this.#putNumber(end)
    this.#put(bytes, from + start, to - end)
    this.#lastUs = Math.max(this.#lastUs, atUs)
    if (!isLike) this.#learn(bytes, from, to)
    return !isLike
  }

  /** Nothing is added to it or asked of it any more: another stream may have the memory. */
  release(): void {
    for (const page of this.#full.splice(0)) givePage(page)
    givePage(this.#page)
    givePage(this.#pattern)
    this.#page = NOTHING
    this.#pattern = NOTHING
    this.#length = 0
    this.#patternBytes = 0
  }

  #learn(bytes: Buffer, from: number, to: number): void {
    if (this.#pattern.length < to - from) {
      givePage(this.#pattern)
      this.#pattern = to - from > PAGE_BYTES ? Buffer.allocUnsafeSlow(to - from) : takePage()
    }
    bytes.copy(this.#pattern, 0, from, to)
    this.#patternBytes = to - from
  }

  #put(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to;) {
      if (this.#length === this.#page.length) this.#turnPage()
      const next = Math.min(to, at + PAGE_BYTES - this.#length)
      copyBytes(bytes, at, next, this.#page, this.#length)
      this.#length += next - at
      at = next
    }
  }

  #putNumber(value: number): void {
    let large = value
    while (large >= LEAST_LARGE) {
      this.#putByte((large % 0x80) + 0x80)
      large = Math.floor(large / 0x80)
    }
    let rest = Math.trunc(large)
    while (rest >= 0x80) {
      this.#putByte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#putByte(rest)
  }

  #putByte(byte: number): void {
    if (this.#length === this.#page.length) this.#turnPage()
    this.#page[this.#length] = byte
    this.#length += 1
  }

  #turnPage(): void {
    if (this.#page.length > 0) this.#full.push(this.#page)
    this.#page = takePage()
    this.#length = 0
  }
}
