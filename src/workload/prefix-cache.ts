/** Predicts how much of each prompt a prefix cache would serve, request after request. Pure. */
import { BlockCache } from './block-cache.ts'
import { BoundedCache } from './bounded-cache.ts'
import { cacheTree, type CacheRule, type CacheTotals } from './cache-tree.ts'
import type { PlanBlocks } from './plan.ts'
import { UnboundedCache } from './unbounded-cache.ts'

export type CacheOptions = Readonly<{
  rule: CacheRule
  /** Of the server's cache; for the rules prefix and block, what one block of the trace stands for. */
  blockTokens: number
  /** null: unbounded. */
  capacityTokens: number | null
}>

export interface PrefixCache {
  /**
   * Serves a prompt and then holds it.
   *
   * @param leaf index of its last block, or NONE
   * @returns tokens of it that were held already
   */
  serve(leaf: number, promptTokens: number): number
  /** Holds the first `tokens` of a chain, such as an answer that a later turn will quote. */
  keep(leaf: number, tokens: number): void
  /** Sums over all that was served. */
  readonly totals: Readonly<CacheTotals>
}

/** One request at a time: what is in flight takes no room, and nothing expires. */
export function createPrefixCache(blocks: PlanBlocks, options: CacheOptions): PrefixCache {
  const { rule, blockTokens, capacityTokens } = options
  const tree = cacheTree(blocks, rule, blockTokens)
  const capacityBlocks =
    capacityTokens === null ? Infinity : Math.max(1, Math.floor(capacityTokens / blockTokens))
  if (rule === 'block') return new BlockCache(tree, capacityBlocks)
  if (capacityBlocks === Infinity) return new UnboundedCache(tree)
  return new BoundedCache(tree, capacityBlocks)
}
