/** Prefix hits of a trace with caches of several sizes. Pure but for the reader. */
import type { TraceReader } from '../trace/trace.ts'
import { loadBlocks } from '../workload/block-table.ts'
import { createPrefixCache } from '../workload/prefix-cache.ts'
import type { CacheQuestion, CacheWindow } from './inspect-options.ts'

export type CacheFigures = Readonly<{
  rule: 'engine' | 'prefix' | 'block'
  block_tokens: number
  /** What counts; the cache begins empty and serves every request. */
  window: CacheWindow
  sizes: readonly Readonly<{
    /** null: unbounded. */
    capacity_tokens: number | null
    hit_tokens: number
    total_tokens: number
    token_hit_rate: number
    hit_blocks: number
    total_blocks: number
    block_hit_rate: number
  }>[]
}>

/** vLLM's own block size on accelerators, for traces that do not say theirs. */
const DEFAULT_BLOCK_TOKENS = 16

/** One pass for all sizes, the unbounded one first. */
export async function cacheFigures(
  reader: TraceReader,
  { capacities, rule, blockTokens, window }: CacheQuestion,
): Promise<CacheFigures> {
  const table = await loadBlocks(reader)
  const perBlock =
    blockTokens ??
    (rule === 'engine' ? reader.header.server.blockTokens : null) ??
    reader.header.hashing.blockTokens ??
    DEFAULT_BLOCK_TOKENS
  const caches = [null, ...capacities].map((capacityTokens) => ({
    capacityTokens,
    before: NOTHING,
    cache: createPrefixCache(table.blocks, { rule, blockTokens: perBlock, capacityTokens }),
  }))
  const firstCounted = window === 'all' ? 0 : Math.floor((await countRows(reader)) / 2)
  let index = 0
  let totalTokens = 0
  for await (const { rowCount, columns } of reader.requests(['promptTokens', 'prefixLeaf'])) {
    for (let row = 0; row < rowCount; row += 1, index += 1) {
      if (index === firstCounted) {
        totalTokens = 0
        for (const each of caches) each.before = { ...each.cache.totals }
      }
      const tokens = columns.promptTokens[row]! || 0
      const leaf = table.indexOf(columns.prefixLeaf[row]!)
      totalTokens += tokens
      for (const { cache } of caches) cache.serve(leaf, tokens)
    }
  }
  return {
    rule,
    block_tokens: perBlock,
    window,
    sizes: caches.map(({ capacityTokens, before, cache: { totals } }) => ({
      capacity_tokens: capacityTokens,
      ...shareOf('token', totals.hitTokens - before.hitTokens, totalTokens),
      ...shareOf(
        'block',
        totals.hitBlocks - before.hitBlocks,
        totals.totalBlocks - before.totalBlocks,
      ),
    })),
  }
}

const NOTHING = { hitTokens: 0, totalTokens: 0, hitBlocks: 0, totalBlocks: 0 }

function shareOf<N extends 'token' | 'block'>(name: N, hits: number, total: number) {
  return {
    [`hit_${name}s`]: hits,
    [`total_${name}s`]: total,
    [`${name}_hit_rate`]: total === 0 ? 0 : hits / total,
  } as Record<`hit_${N}s` | `total_${N}s` | `${N}_hit_rate`, number>
}

/** Of a trace that is still being written, the header does not say. */
async function countRows(reader: TraceReader): Promise<number> {
  let count = 0
  for await (const { rowCount } of reader.requests(['seq'])) count += rowCount
  return count
}
