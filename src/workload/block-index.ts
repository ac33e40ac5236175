/** Finds a block by its id among a million, without making a bigint for each question. Pure. */
import { randomBytes } from 'node:crypto'
import { NONE } from './plan.ts'

/** Differs from run to run, so that no file can be made whose ids all fall into one slot. */
const SALT = randomBytes(4).readUInt32LE()

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
/** Where the halves of id i stand: 2i + these. */
const LOW_HALF = isLittleEndian ? 0 : 1
const HIGH_HALF = 1 - LOW_HALF

/** Open addressing, at most half full, over the halves of ids that live elsewhere. */
export class BlockIndex {
  #slots: Uint32Array
  #low: Uint32Array
  #high: Uint32Array
  #count = 0

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * Math.max(16, capacity) + 2))
    this.#slots = new Uint32Array(size)
    this.#low = new Uint32Array(size / 2)
    this.#high = new Uint32Array(size / 2)
  }

  /** Gives `ids[at]` the next number. @returns false if it has one */
  add(ids: Uint32Array, at: number): boolean {
    const low = ids[2 * at + LOW_HALF]!
    const high = ids[2 * at + HIGH_HALF]!
    const slot = this.#slotOf(low, high)
    if (this.#slots[slot] !== 0) return false
    this.#low[this.#count] = low
    this.#high[this.#count] = high
    this.#count += 1
    this.#slots[slot] = this.#count
    if (this.#count === this.#low.length) this.#grow()
    return true
  }

  /** The number of `ids[at]`, or NONE; the id 0 stands for null. */
  find(ids: Uint32Array, at: number): number {
    const low = ids[2 * at + LOW_HALF]!
    const high = ids[2 * at + HIGH_HALF]!
    if (low === 0 && high === 0) return NONE
    const found = this.#slots[this.#slotOf(low, high)]!
    return found === 0 ? NONE : found - 1
  }

  #slotOf(low: number, high: number): number {
    const mask = this.#slots.length - 1
    let hash = Math.imul(low ^ SALT, 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ high, 0x85ebca6b)
    let slot = (hash ^ (hash >>> 13)) & mask
    for (;;) {
      const found = this.#slots[slot]!
      if (found === 0) return slot
      if (this.#low[found - 1] === low && this.#high[found - 1] === high) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    this.#low = doubled(this.#low)
    this.#high = doubled(this.#high)
    for (let index = 0; index < this.#count; index += 1) {
      this.#slots[this.#slotOf(this.#low[index]!, this.#high[index]!)] = index + 1
    }
  }
}

function doubled(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}

/** The same memory as 32-bit halves. */
export function halvesOf(ids: BigUint64Array): Uint32Array {
  return new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2)
}
