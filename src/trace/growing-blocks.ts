/** All blocks of a trace in 24 bytes each, found by id. Pure. */
import { idHalves, IdIndex } from './id-index.ts'
import type { Batch } from './table.ts'

export type SortedBlocks = Readonly<{
  rowCount: number
  id: BigUint64Array
  /** 0 where there is none. */
  parent: BigUint64Array
  /** NaN where it is not known. */
  tokens: Float64Array
}>

const CHAIN_BATCH_ROWS = 16_384

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
  sortedById(): SortedBlocks {
    const places = this.#places()
    const id = this.#ids.slice(0, this.#count).toSorted()
    const parent = new BigUint64Array(this.#count)
    const tokens = new Float64Array(this.#count)
    for (let index = 0; index < this.#count; index += 1) {
      const place = places.get(id[index] ?? 0n)
      parent[index] = this.#parents[place] ?? 0n
      tokens[index] = this.#tokens[place] ?? NaN
    }
    return { rowCount: this.#count, id, parent, tokens }
  }

  /** The blocks that lie on a chain to one of these leaves, in the order in which they were added. */
  *chains(leaves: ReadonlySet<bigint>): Generator<Batch> {
    const places = this.#places()
    const isUsed = new Uint8Array(this.#count)
    for (const leaf of leaves) {
      let place = places.get(leaf)
      while (place >= 0 && isUsed[place] === 0) {
        isUsed[place] = 1
        place = places.get(this.#parents[place] ?? 0n)
      }
    }
    let picked: number[] = []
    for (let index = 0; index < this.#count; index += 1) {
      if (isUsed[index] === 1) picked.push(index)
      if (picked.length < CHAIN_BATCH_ROWS && index < this.#count - 1) continue
      if (picked.length > 0) yield this.#gather(picked)
      picked = []
    }
  }

  #places(): IdIndex {
    const places = new IdIndex(this.#count + 1)
    const halves = idHalves(this.#ids)
    for (let index = 0; index < this.#count; index += 1) places.addAt(halves, index, index)
    return places
  }

  #gather(picked: readonly number[]): Batch {
    const id = BigUint64Array.from(picked, (place) => this.#ids[place] ?? 0n)
    const parent = BigUint64Array.from(picked, (place) => this.#parents[place] ?? 0n)
    const tokens = Float64Array.from(picked, (place) => this.#tokens[place] ?? NaN)
    return { rowCount: picked.length, columns: { id, parent, tokens } }
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
