/** A hash table from 64-bit ids to small numbers, 12 bytes an entry and no object each. Pure. */
import { randomBytes } from 'node:crypto'

const EMPTY = -1

/** Differs from run to run, so that no file can be made whose ids all fall into one slot. */
const SALT = randomBytes(8)
const LOW_SALT = SALT.readUInt32LE(0)
const HIGH_SALT = SALT.readUInt32LE(4)

/** Open addressing, at most half full. The order of its slots is never seen outside. */
export class IdIndex {
  #capacity: number
  #ids: BigUint64Array
  #values: Int32Array
  #size = 0

  constructor(sizeHint = 1_024) {
    this.#capacity = 2 ** Math.ceil(Math.log2(sizeHint * 2))
    this.#ids = new BigUint64Array(this.#capacity)
    this.#values = new Int32Array(this.#capacity).fill(EMPTY)
  }

  get size(): number {
    return this.#size
  }

  /** −1 if the id is not in it. */
  get(id: bigint): number {
    return this.#values[this.#slot(id)] ?? EMPTY
  }

  has(id: bigint): boolean {
    return this.get(id) !== EMPTY
  }

  /** @returns true if the id is new; an id keeps its first value (whole, 0 or more) */
  add(id: bigint, value = 0): boolean {
    const slot = this.#slot(id)
    if (this.#values[slot] !== EMPTY) return false
    this.#ids[slot] = id
    this.#values[slot] = value
    this.#size += 1
    if (this.#size * 2 > this.#capacity) this.#grow()
    return true
  }

  #slot(id: bigint): number {
    let hash = Math.imul(Number(id & 0xffff_ffffn) ^ LOW_SALT, 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ Number(id >> 32n) ^ HIGH_SALT, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    let slot = (hash ^ (hash >>> 16)) & (this.#capacity - 1)
    while (this.#values[slot] !== EMPTY && this.#ids[slot] !== id) {
      slot = (slot + 1) & (this.#capacity - 1)
    }
    return slot
  }

  #grow(): void {
    const ids = this.#ids
    const values = this.#values
    this.#capacity *= 2
    this.#ids = new BigUint64Array(this.#capacity)
    this.#values = new Int32Array(this.#capacity).fill(EMPTY)
    for (let index = 0; index < ids.length; index += 1) {
      const value = values[index] ?? EMPTY
      if (value === EMPTY) continue
      const slot = this.#slot(ids[index] ?? 0n)
      this.#ids[slot] = ids[index] ?? 0n
      this.#values[slot] = value
    }
  }
}
