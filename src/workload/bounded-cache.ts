/** A prefix cache of limited size that forgets what was used longest ago, leaves first. Pure. */
import { noTotals, promptBlocks, readPath, servableBlocks, type CacheTree } from './cache-tree.ts'
import { NONE } from './plan.ts'
import { RecencyList } from './recency-list.ts'

/**
 * Blocks of the cache that end inside one block of the trace come and go together: one member of the
 * list stands for them, and `held` says how many are left, the first ones. A prompt's unshared tail
 * is a member of its own, which nobody hits again.
 */
export class BoundedCache {
  readonly totals = noTotals()
  readonly #tree: CacheTree
  readonly #capacityBlocks: number
  readonly #recency = new RecencyList()
  readonly #path: number[] = []
  readonly #freeMembers: number[] = []
  #held: Uint32Array
  #heldCount = 0
  #memberCount: number

  constructor(tree: CacheTree, capacityBlocks: number) {
    this.#tree = tree
    this.#capacityBlocks = capacityBlocks
    this.#memberCount = tree.endBlocks.length
    this.#held = new Uint32Array(this.#memberCount + 1)
  }

  serve(leaf: number, promptTokens: number): number {
    const { rule, blockTokens, endTokens, endBlocks } = this.#tree
    readPath(this.#tree, leaf, this.#path)
    const servable = servableBlocks(this.#tree, leaf, promptTokens)
    let found = 0
    let reachedTokens = 0
    for (const block of this.#path) {
      found += this.#held[block]!
      if (found < endBlocks[block]!) break
      reachedTokens = endTokens[block]!
    }
    const hitBlocks = Math.min(found, servable)
    const hitTokens =
      rule === 'engine' ? hitBlocks * blockTokens : Math.min(reachedTokens, promptTokens)
    const whole = promptBlocks(this.#tree, leaf, promptTokens)
    this.#hold(whole, whole - (leaf === NONE ? 0 : endBlocks[leaf]!))
    this.totals.hitBlocks += hitBlocks
    this.totals.totalBlocks += whole
    this.totals.hitTokens += hitTokens
    this.totals.totalTokens += promptTokens
    return hitTokens
  }

  keep(leaf: number, tokens: number): void {
    readPath(this.#tree, leaf, this.#path)
    this.#hold(promptBlocks(this.#tree, leaf, tokens), 0)
  }

  /** From the leaf to the root, so that within one prompt the leaf is the first to go. */
  #hold(wholeBlocks: number, tailBlocks: number): void {
    const { endBlocks } = this.#tree
    if (tailBlocks > 0) this.#add(this.#newMember(), tailBlocks)
    for (let index = this.#path.length - 1; index >= 0; index -= 1) {
      const block = this.#path[index]!
      const start = index === 0 ? 0 : endBlocks[this.#path[index - 1]!]!
      const size = Math.min(endBlocks[block]!, wholeBlocks) - start
      if (size > 0) this.#add(block, size)
    }
    while (this.#heldCount > this.#capacityBlocks) this.#forgetOldest()
  }

  #add(member: number, size: number): void {
    const held = this.#held[member]!
    if (size > held) {
      this.#held[member] = size
      this.#heldCount += size - held
    }
    this.#recency.touch(member)
  }

  #forgetOldest(): void {
    const member = this.#recency.oldest
    const gone = Math.min(this.#held[member]!, this.#heldCount - this.#capacityBlocks)
    this.#held[member]! -= gone
    this.#heldCount -= gone
    if (this.#held[member]! > 0) return
    this.#recency.remove(member)
    if (member >= this.#tree.endBlocks.length) this.#freeMembers.push(member)
  }

  #newMember(): number {
    const free = this.#freeMembers.pop()
    if (free !== undefined) return free
    const member = this.#memberCount
    this.#memberCount += 1
    if (member >= this.#held.length) {
      const larger = new Uint32Array(this.#held.length * 2)
      larger.set(this.#held)
      this.#held = larger
    }
    return member
  }
}
