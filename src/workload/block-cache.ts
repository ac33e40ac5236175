/** A cache that looks each block up by itself: the rule of some analysers, kept to compare with them. Pure. */
import { noTotals, readPath, type CacheTree } from './cache-tree.ts'
import { RecencyList } from './recency-list.ts'

/** Root first: a hit becomes the newest, a miss is put in, and the oldest goes at once. */
export class BlockCache {
  readonly totals = noTotals()
  readonly #tree: CacheTree
  readonly #capacityBlocks: number
  readonly #recency = new RecencyList()
  readonly #isHeld: Uint8Array
  readonly #path: number[] = []
  #heldCount = 0

  constructor(tree: CacheTree, capacityBlocks: number) {
    this.#tree = tree
    this.#capacityBlocks = capacityBlocks
    this.#isHeld = new Uint8Array(tree.endBlocks.length)
  }

  /** A hit counts as a whole block, also where the last block is a partial one. */
  serve(leaf: number, promptTokens: number): number {
    const hitBlocks = this.#hold(leaf)
    const hitTokens = hitBlocks * this.#tree.blockTokens
    this.totals.hitBlocks += hitBlocks
    this.totals.totalBlocks += this.#path.length
    this.totals.hitTokens += hitTokens
    this.totals.totalTokens += promptTokens
    return hitTokens
  }

  keep(leaf: number): void {
    this.#hold(leaf)
  }

  #hold(leaf: number): number {
    readPath(this.#tree, leaf, this.#path)
    let hitCount = 0
    for (const block of this.#path) {
      this.#recency.touch(block)
      if (this.#isHeld[block] === 1) hitCount += 1
      else this.#insert(block)
    }
    return hitCount
  }

  #insert(block: number): void {
    this.#isHeld[block] = 1
    this.#heldCount += 1
    if (this.#heldCount <= this.#capacityBlocks) return
    const oldest = this.#recency.oldest
    this.#recency.remove(oldest)
    this.#isHeld[oldest] = 0
    this.#heldCount -= 1
  }
}
