/** Whole numbers in as few bytes as they need: seven bits a byte, low bits first. Pure. */
import assert from 'node:assert/strict'
import { TraceError } from '../base/errors.ts'

const MAX_VARINT_BYTES = 8

export class VarintWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(sizeHintBytes: number) {
    this.#bytes = new Uint8Array(sizeHintBytes)
  }

  /** @param value whole, 0 to 2^53 */
  unsigned(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), 'a varint holds whole numbers up to 2^53')
    if (this.#length + MAX_VARINT_BYTES > this.#bytes.length) this.#grow()
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length] = (rest % 0x80) + 0x80
      this.#length += 1
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length] = rest
    this.#length += 1
  }

  /** Zigzag: 0, −1, 1, −2 … become 0, 1, 2, 3 …; so at most 2^52 either way. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2 + MAX_VARINT_BYTES)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

export class VarintReader {
  readonly #bytes: Uint8Array
  #place = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#place >= this.#bytes.length
  }

  /** @throws TraceError TRACE_UNREADABLE where the bytes end too early or the number is too large */
  unsigned(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
      const byte = this.#bytes[this.#place]
      if (byte === undefined) break
      this.#place += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80 && Number.isSafeInteger(value)) return value
      if (byte < 0x80) break
      factor *= 0x80
    }
    throw damaged()
  }

  /** Passes over bytes that are no numbers. @returns the index of the first of them */
  skip(sizeBytes: number): number {
    const from = this.#place
    this.#place += sizeBytes
    if (this.#place > this.#bytes.length) throw damaged()
    return from
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}

function damaged(): TraceError {
  return new TraceError('TRACE_UNREADABLE', 'a packed list of numbers is cut off or damaged')
}

/** How many bytes `signed` would write. */
export function signedBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let count = 1
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    count += 1
  }
  return count
}
