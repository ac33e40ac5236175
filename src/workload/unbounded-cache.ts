/** A prefix cache that never forgets: the most that any server could serve. Pure. */
import { noTotals, promptBlocks, servableBlocks, type CacheTree } from './cache-tree.ts'
import { NONE } from './plan.ts'

/** What is held is held with all before it, so a lookup climbs from the leaf to the first held block. */
export class UnboundedCache {
  readonly totals = noTotals()
  readonly #tree: CacheTree
  readonly #isHeld: Uint8Array

  constructor(tree: CacheTree) {
    this.#tree = tree
    this.#isHeld = new Uint8Array(tree.endBlocks.length)
  }

  serve(leaf: number, promptTokens: number): number {
    const hitTokens = this.find(leaf, promptTokens)
    this.keep(leaf, promptTokens)
    this.totals.totalBlocks += promptBlocks(this.#tree, leaf, promptTokens)
    this.totals.totalTokens += promptTokens
    return hitTokens
  }

  /** Tokens that are held; the prompt itself is not held by it. */
  find(leaf: number, promptTokens: number): number {
    const { rule, blockTokens, endTokens, endBlocks } = this.#tree
    const held = this.#heldOf(leaf)
    const reached = held === NONE ? 0 : endBlocks[held]!
    const hitBlocks = Math.min(reached, servableBlocks(this.#tree, leaf, promptTokens))
    const reachedTokens = held === NONE ? 0 : Math.min(endTokens[held]!, promptTokens)
    const hitTokens = rule === 'engine' ? hitBlocks * blockTokens : reachedTokens
    this.totals.hitBlocks += hitBlocks
    this.totals.hitTokens += hitTokens
    return hitTokens
  }

  keep(leaf: number, tokens: number): void {
    const { blocks, endBlocks } = this.#tree
    const whole = promptBlocks(this.#tree, leaf, tokens)
    let block = leaf
    while (block !== NONE && endBlocks[block]! > whole) block = blocks.parent[block]!
    for (; block !== NONE && this.#isHeld[block] === 0; block = blocks.parent[block]!) {
      this.#isHeld[block] = 1
    }
  }

  #heldOf(leaf: number): number {
    let block = leaf
    while (block !== NONE && this.#isHeld[block] === 0) block = this.#tree.blocks.parent[block]!
    return block
  }
}
