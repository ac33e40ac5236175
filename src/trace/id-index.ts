/** A hash table from 64-bit ids to small numbers, 12 bytes an entry and no object each. Pure. */
import { randomBytes } from 'node:crypto'

const EMPTY = -1

/** Differs from run to run, so that no file can be made whose ids all fall into one slot. */
const SALT = randomBytes(8)
const LOW_SALT = SALT.readUInt32LE(0)
const HIGH_SALT = SALT.readUInt32LE(4)

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
/** Where the halves of id i stand: 2i + these. */
const LOW_HALF = isLittleEndian ? 0 : 1
const HIGH_HALF = 1 - LOW_HALF

/** Open addressing, at most half full. The order of its slots is never seen outside. */
export class IdIndex {
  #capacity: number
  /** Low and high half of each. */
  #ids: Uint32Array
  #values: Int32Array
  #size = 0

  constructor(sizeHint = 1_024) {
    this.#capacity = 2 ** Math.ceil(Math.log2(sizeHint * 2))
    this.#ids = new Uint32Array(2 * this.#capacity)
    this.#values = new Int32Array(this.#capacity).fill(EMPTY)
  }

  get size(): number {
    return this.#size
  }

  /** −1 if the id is not in it. */
  get(id: bigint): number {
    return this.#values[this.#slot(lowHalf(id), highHalf(id))] ?? EMPTY
  }

  has(id: bigint): boolean {
    return this.get(id) !== EMPTY
  }

  /** The same for id number `at` of `halves`: no bigint is made. */
  hasAt(halves: Uint32Array, at: number): boolean {
    const slot = this.#slot(halves[2 * at + LOW_HALF]!, halves[2 * at + HIGH_HALF]!)
    return this.#values[slot] !== EMPTY
  }

  /** @returns true if the id is new; an id keeps its first value (whole, 0 or more) */
  add(id: bigint, value = 0): boolean {
    return this.#add(lowHalf(id), highHalf(id), value)
  }

  /** The same for id number `at` of `halves`. */
  addAt(halves: Uint32Array, at: number, value = 0): boolean {
    return this.#add(halves[2 * at + LOW_HALF]!, halves[2 * at + HIGH_HALF]!, value)
  }

  #add(low: number, high: number, value: number): boolean {
    const slot = this.#slot(low, high)
    if (this.#values[slot] !== EMPTY) return false
    this.#put(slot, low, high, value)
    this.#size += 1
    if (this.#size * 2 > this.#capacity) this.#grow()
    return true
  }

  #put(slot: number, low: number, high: number, value: number): void {
    this.#ids[2 * slot] = low
    this.#ids[2 * slot + 1] = high
    this.#values[slot] = value
  }

  #slot(low: number, high: number): number {
    const ids = this.#ids
    const values = this.#values
    const mask = this.#capacity - 1
    let hash = Math.imul(low ^ LOW_SALT, 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ high ^ HIGH_SALT, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    let slot = (hash ^ (hash >>> 16)) & mask
    while (values[slot] !== EMPTY && (ids[2 * slot] !== low || ids[2 * slot + 1] !== high)) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  #grow(): void {
    const ids = this.#ids
    const values = this.#values
    this.#capacity *= 2
    this.#ids = new Uint32Array(2 * this.#capacity)
    this.#values = new Int32Array(this.#capacity).fill(EMPTY)
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index]!
      if (value === EMPTY) continue
      const [low, high] = [ids[2 * index]!, ids[2 * index + 1]!]
      this.#put(this.#slot(low, high), low, high, value)
    }
  }
}

/** The same memory as 32-bit halves, two an id. */
export function idHalves(ids: BigUint64Array): Uint32Array {
  return new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2)
}

function lowHalf(id: bigint): number {
  return Number(id & 0xffff_ffffn)
}

function highHalf(id: bigint): number {
  return Number((id >> 32n) & 0xffff_ffffn)
}
