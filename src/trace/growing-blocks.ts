/** All blocks of a trace in 24 bytes each, found by id. Pure. */
import { IdIndex } from './id-index.ts'
import type { Batch } from './table.ts'

export class GrowingBlocks {
  #ids = new BigUint64Array(1_024)
  #parents = new BigUint64Array(1_024)
  #tokens = new Float64Array(1_024)
  #count = 0

  /** @param batch of `block` */
  add(batch: Batch): void {
    const { id, parent, tokens } = batch.columns
    for (let index = 0; index < batch.rowCount; index += 1) {
      if (this.#count === this.#ids.length) this.#grow()
      this.#ids[this.#count] = (id as BigUint64Array)[index] ?? 0n
      this.#parents[this.#count] = (parent as BigUint64Array | undefined)?.[index] ?? 0n
      this.#tokens[this.#count] = (tokens as Float64Array | undefined)?.[index] ?? NaN
      this.#count += 1
    }
  }

  /** By id as an unsigned number. */
  sortedById(): Batch {
    const places = new IdIndex(this.#count + 1)
    for (let index = 0; index < this.#count; index += 1) places.add(this.#ids[index] ?? 0n, index)
    const id = this.#ids.slice(0, this.#count).toSorted()
    const parent = new BigUint64Array(this.#count)
    const tokens = new Float64Array(this.#count)
    for (let index = 0; index < this.#count; index += 1) {
      const place = places.get(id[index] ?? 0n)
      parent[index] = this.#parents[place] ?? 0n
      tokens[index] = this.#tokens[place] ?? NaN
    }
    return { rowCount: this.#count, columns: { id, parent, tokens } }
  }

  #grow(): void {
    const size = this.#ids.length * 2
    const ids = new BigUint64Array(size)
    const parents = new BigUint64Array(size)
    const tokens = new Float64Array(size)
    ids.set(this.#ids)
    parents.set(this.#parents)
    tokens.set(this.#tokens)
    this.#ids = ids
    this.#parents = parents
    this.#tokens = tokens
  }
}
