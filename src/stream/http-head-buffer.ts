/** Gathers the bytes of one HTTP head up to its blank line; copies only a head in pieces. Pure. */

import type { LossReason } from './http-head.ts'

const EMPTY = Buffer.alloc(0)
/** A larger buffer is not kept for the connection's next head. */
const KEPT_BYTES = 4_096
const FIRST_BYTES = 1_024

const CR = 13
const LF = 10

export class HeadBuffer {
  readonly #maxBytes: number
  #own: Buffer = EMPTY
  #length = 0
  /** How much of CR LF CR LF the last bytes are. */
  #blank = 0
  #loss: LossReason | null = null
  /** Once whole, the head lies in `bytes` at [from, to), until the next `push` or `clear`. */
  bytes: Buffer = EMPTY
  from = 0
  to = 0
  startedAtUs = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get isEmpty(): boolean {
    return this.#length === 0 && this.#blank === 0
  }

  get isWhole(): boolean {
    return this.#blank === 4
  }

  /** Why the head cannot be taken; null while it can. */
  get loss(): LossReason | null {
    return this.#loss
  }

  /** Takes bytes up to the end of the head. @returns the index of the first byte not taken */
  push(bytes: Buffer, from: number, to: number, atUs: number): number {
    const start = this.isEmpty ? skipLineEnds(bytes, from, to) : from
    if (start === to) return to
    if (this.isEmpty) this.startedAtUs = atUs
    const end = this.#findEnd(bytes, start, to)
    if (this.#length + end - start > this.#maxBytes) {
      this.#loss = 'long_head'
    } else if (this.#length === 0 && this.isWhole) {
      this.bytes = bytes
      this.from = start
      this.to = end
    } else {
      this.#keep(bytes, start, end)
      this.bytes = this.#own
      this.from = 0
      this.to = this.#length
    }
    return end
  }

  clear(): void {
    this.#length = 0
    this.#blank = 0
    this.bytes = EMPTY
    if (this.#own.length > KEPT_BYTES) this.#own = EMPTY
  }

  #findEnd(bytes: Buffer, from: number, to: number): number {
    let blank = this.#blank
    let at = from
    while (at < to && blank < 4) {
      const byte = bytes[at]
      at += 1
      if (byte === CR) {
        blank = blank === 2 ? 3 : 1
      } else if (byte !== LF) {
        blank = 0
      } else if (blank === 1 || blank === 3) {
        blank += 1
      } else {
        // Some readers take it for the end of a line, others do not.
        this.#loss = 'lone_line_feed'
        break
      }
    }
    this.#blank = blank
    return at
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from
    if (needed > this.#own.length) {
      const larger = Buffer.alloc(Math.min(Math.max(needed * 2, FIRST_BYTES), this.#maxBytes))
      this.#own.copy(larger, 0, 0, this.#length)
      this.#own = larger
    }
    bytes.copy(this.#own, this.#length, from, to)
    this.#length = needed
  }
}

/** Blank lines before a start line are allowed and mean nothing. */
function skipLineEnds(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] === CR || bytes[at] === LF)) at += 1
  return at
}
