/** Prefix hits of a trace with caches of several sizes. Pure but for the reader. */
import type { TraceReader } from '../trace/trace.ts'
import { loadBlocks } from '../workload/block-table.ts'
import { createPrefixCache } from '../workload/prefix-cache.ts'
import type { CacheQuestion } from './inspect-options.ts'

export type CacheFigures = Readonly<{
  rule: 'engine' | 'prefix' | 'block'
  block_tokens: number
  /** All requests count, the cache begins empty. */
  window: 'all'
  sizes: readonly Readonly<{
    /** null: unbounded. */
    capacity_tokens: number | null
    hit_tokens: number
    total_tokens: number
    token_hit_rate: number
  }>[]
}>

/** vLLM's own block size on accelerators, for traces that do not say theirs. */
const DEFAULT_BLOCK_TOKENS = 16

/** One pass for all sizes, the unbounded one first. */
export async function cacheFigures(
  reader: TraceReader,
  { capacities, rule, blockTokens }: CacheQuestion,
): Promise<CacheFigures> {
  const table = await loadBlocks(reader)
  const perBlock =
    blockTokens ??
    (rule === 'engine' ? reader.header.server.blockTokens : null) ??
    reader.header.hashing.blockTokens ??
    DEFAULT_BLOCK_TOKENS
  const caches = [null, ...capacities].map((capacityTokens) => ({
    capacityTokens,
    hits: 0,
    cache: createPrefixCache(table.blocks, { rule, blockTokens: perBlock, capacityTokens }),
  }))
  let totalTokens = 0
  for await (const { rowCount, columns } of reader.requests(['promptTokens', 'prefixLeaf'])) {
    for (let row = 0; row < rowCount; row += 1) {
      const tokens = columns.promptTokens[row]! || 0
      const leaf = table.indexOf(columns.prefixLeaf[row]!)
      totalTokens += tokens
      for (const each of caches) each.hits += each.cache.serve(leaf, tokens)
    }
  }
  return {
    rule,
    block_tokens: perBlock,
    window: 'all',
    sizes: caches.map(({ capacityTokens, hits }) => ({
      capacity_tokens: capacityTokens,
      hit_tokens: hits,
      total_tokens: totalTokens,
      token_hit_rate: totalTokens === 0 ? 0 : hits / totalTokens,
    })),
  }
}
