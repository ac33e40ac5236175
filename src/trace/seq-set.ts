/** Which row numbers came already, one bit each. Pure. */
import assert from 'node:assert/strict'

/** Numbers below it cost a bit; sparse ones beyond it an entry of a set. */
const MAX_BIT = 2 ** 31

export class SeqSet {
  #bits = new Uint8Array(1_024)
  readonly #far = new Set<number>()

  /** Asserts that each of the first `count` numbers is new. */
  add(seqs: Float64Array, count: number): void {
    for (let index = 0; index < count; index += 1) {
      const seq = seqs[index] ?? 0
      assert(this.#addOne(seq), `two rows have seq ${seq}`)
    }
  }

  #addOne(seq: number): boolean {
    if (seq < 0 || seq >= MAX_BIT) {
      const sizeBefore = this.#far.size
      return this.#far.add(seq).size > sizeBefore
    }
    const place = Math.floor(seq / 8)
    if (place >= this.#bits.length) this.#grow(place)
    const before = this.#bits[place] ?? 0
    this.#bits[place] = before | (1 << (seq % 8))
    return this.#bits[place] !== before
  }

  #grow(place: number): void {
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(place + 1)))
    larger.set(this.#bits)
    this.#bits = larger
  }
}
