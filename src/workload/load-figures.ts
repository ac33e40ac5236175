/** What a load is like in a few figures, so that it can be looked at before and after a change. Pure. */
import { dispersionIndex, gapsOf } from '../stats/arrivals.ts'
import { describe } from '../stats/moments.ts'
import { quantiles } from '../stats/quantile.ts'
import type { PlanBlocks, PlanColumns } from './plan.ts'
import { createPrefixCache } from './prefix-cache.ts'
import { sendingOrder } from './sending-order.ts'

/** NaN where a figure needs more rows than there are. */
export type LoadFigures = Readonly<{
  count: number
  spanUs: number
  ratePerSec: number
  /** Of the gaps between arrivals. */
  gapCv: number
  /** Index of dispersion of counts in windows of 1, 10 and 60 s. */
  dispersion: Readonly<{ at1s: number; at10s: number; at60s: number }>
  promptTokens: Readonly<{ p50: number; p99: number }>
  outputTokens: Readonly<{ p50: number; p99: number }>
  /** Share of prompt tokens that an unbounded cache would serve; null without prefixes. */
  prefixShare: number | null
}>

/** vLLM's usual block, where the trace does not say what its server had. */
export const DEFAULT_BLOCK_TOKENS = 16

/** @param columns in any order */
export function loadFigures(
  columns: PlanColumns,
  blocks: PlanBlocks,
  blockTokens: number,
): LoadFigures {
  const dueUs = columns.dueUs.toSorted()
  const count = dueUs.length
  const spanUs = count === 0 ? 0 : dueUs[count - 1]! - dueUs[0]!
  return {
    count,
    spanUs,
    ratePerSec: spanUs === 0 ? Number.NaN : (count / spanUs) * 1e6,
    gapCv: describe(gapsOf(dueUs)).cv,
    dispersion: {
      at1s: dispersionIn(dueUs, 1e6),
      at10s: dispersionIn(dueUs, 1e7),
      at60s: dispersionIn(dueUs, 6e7),
    },
    promptTokens: sizesOf(columns.promptTokens),
    outputTokens: sizesOf(columns.outputTokens),
    prefixShare: prefixShare(columns, blocks, blockTokens),
  }
}

/** Fewer windows than this say nothing about how counts spread. */
const FEWEST_WINDOWS = 10

function dispersionIn(dueUs: Float64Array, windowUs: number): number {
  const spanUs = (dueUs.at(-1) ?? 0) - (dueUs[0] ?? 0)
  return spanUs < FEWEST_WINDOWS * windowUs ? Number.NaN : dispersionIndex(dueUs, windowUs)
}

function sizesOf(tokens: Uint32Array): { p50: number; p99: number } {
  const [p50 = Number.NaN, p99 = Number.NaN] = quantiles(Float64Array.from(tokens), [0.5, 0.99])
  return { p50, p99 }
}

function prefixShare(columns: PlanColumns, blocks: PlanBlocks, blockTokens: number): number | null {
  if (blocks.id.length === 0) return null
  const cache = createPrefixCache(blocks, { rule: 'engine', blockTokens, capacityTokens: null })
  for (const row of sendingOrder(columns))
    cache.serve(columns.leaf[row]!, columns.promptTokens[row]!)
  return cache.totals.hitTokens / cache.totals.totalTokens
}
