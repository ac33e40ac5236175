/** Who was used last: a doubly linked list over numbers, in typed arrays. Pure. */
import { NONE } from './plan.ts'

const FIRST_CAPACITY = 1_024

/** Members are small whole numbers; each stands in the list at most once. */
export class RecencyList {
  #older = new Uint32Array(FIRST_CAPACITY).fill(NONE)
  #newer = new Uint32Array(FIRST_CAPACITY).fill(NONE)
  #oldest = NONE
  #newest = NONE

  /** NONE for an empty list. */
  get oldest(): number {
    return this.#oldest
  }

  /** Makes a member the newest, whether or not it was in the list. */
  touch(member: number): void {
    if (member === this.#newest) return
    if (this.#has(member)) this.remove(member)
    while (member >= this.#older.length) this.#grow()
    this.#older[member] = this.#newest
    if (this.#newest === NONE) this.#oldest = member
    else this.#newer[this.#newest] = member
    this.#newest = member
  }

  remove(member: number): void {
    const older = this.#older[member]!
    const newer = this.#newer[member]!
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    this.#older[member] = NONE
    this.#newer[member] = NONE
  }

  #has(member: number): boolean {
    return member === this.#oldest || (member < this.#older.length && this.#older[member] !== NONE)
  }

  #grow(): void {
    this.#older = doubled(this.#older)
    this.#newer = doubled(this.#newer)
  }
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2).fill(NONE)
  larger.set(array)
  return larger
}
