/** How the blocks of a server's cache lie over the blocks of a trace. Pure. */
import { endTokens } from './block-table.ts'
import { NONE, type PlanBlocks } from './plan.ts'

/**
 * - engine: whole blocks of the server only, never the last token of a prompt, an unbroken run from
 *   the start; what nobody shares takes room too; leaves go before their parents. What vLLM does.
 * - prefix: the same over the trace's own blocks, the last and partial one included
 * - block: each of the trace's blocks by itself, found even where an earlier one is gone
 */
export type CacheRule = 'engine' | 'prefix' | 'block'

export type CacheTree = Readonly<{
  blocks: PlanBlocks
  rule: CacheRule
  blockTokens: number
  /** Tokens from the start of the prompt to the end of each of the trace's blocks. */
  endTokens: Float64Array
  /** Blocks of the cache that end up to there. */
  endBlocks: Uint32Array
}>

export function cacheTree(blocks: PlanBlocks, rule: CacheRule, blockTokens: number): CacheTree {
  const ends = endTokens(blocks)
  const endBlocks = new Uint32Array(ends.length)
  for (let block = 0; block < ends.length; block += 1) {
    const parent = blocks.parent[block]!
    endBlocks[block] =
      rule === 'engine'
        ? Math.floor(ends[block]! / blockTokens)
        : 1 + (parent === NONE ? 0 : endBlocks[parent]!)
  }
  return { blocks, rule, blockTokens, endTokens: ends, endBlocks }
}

/** Blocks of the cache that a prompt fills: for the rules of the trace's blocks, its whole chain. */
export function promptBlocks(tree: CacheTree, leaf: number, tokens: number): number {
  if (tree.rule === 'engine') return Math.floor(tokens / tree.blockTokens)
  return leaf === NONE ? 0 : tree.endBlocks[leaf]!
}

/** Blocks of the cache that can serve a prompt at most: an engine always computes the last token. */
export function servableBlocks(tree: CacheTree, leaf: number, tokens: number): number {
  return tree.rule === 'engine'
    ? Math.floor((tokens - 1) / tree.blockTokens)
    : promptBlocks(tree, leaf, tokens)
}

/** The chain from the root to `leaf`, into `path`. */
export function readPath({ blocks }: CacheTree, leaf: number, path: number[]): void {
  path.length = 0
  for (let block = leaf; block !== NONE; block = blocks.parent[block]!) path.push(block)
  path.reverse()
}

export type CacheTotals = {
  hitBlocks: number
  totalBlocks: number
  hitTokens: number
  totalTokens: number
}

export function noTotals(): CacheTotals {
  return { hitBlocks: 0, totalBlocks: 0, hitTokens: 0, totalTokens: 0 }
}
