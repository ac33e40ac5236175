/** How much of the prompts was seen before, with a cache that forgets nothing. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import { endTokens } from '../workload/block-table.ts'
import { NONE, type PlanBlocks } from '../workload/plan.ts'
import { ReuseGaps } from './reuse-gaps.ts'
import { type Summary, summarise } from './summary.ts'

export type PrefixFigures = Readonly<{
  requests: number
  total_blocks: number
  unique_blocks: number
  prefix_hit_blocks: number
  block_prefix_hit_ratio: number
  block_reuse_ratio_1_minus_unique_over_total: number
  requests_with_hit_frac: number
  requests_fully_cached_frac: number
  blocks_used_once_frac: number
  top_block_uses: number
  token_prefix_hit_ratio: number
  /** Blocks of one request. */
  blocks: Summary
  /** Since a block's last use; the trace's very first block, often in every prompt, left out. */
  reuse_gap_s: Summary | null
  top10pct_blocks_share_of_reuse: number
}>

/** Requests in order of arrival; one that repeats a block of an earlier request hits it. */
export class PrefixWatch {
  readonly #blocks: PlanBlocks
  readonly #ends: Float64Array
  readonly #depths: Uint32Array
  readonly #uses: Uint32Array
  readonly #lastUs: Float64Array
  readonly #gaps = new ReuseGaps()
  readonly #lengths = new GrowingColumn()
  #firstBlock = NONE
  #promptTokens = 0
  #hitBlocks = 0
  #hitTokens = 0
  #hitRequests = 0
  #fullRequests = 0

  constructor(blocks: PlanBlocks) {
    this.#blocks = blocks
    this.#ends = endTokens(blocks)
    this.#depths = depthsOf(blocks)
    this.#uses = new Uint32Array(blocks.id.length)
    this.#lastUs = new Float64Array(blocks.id.length)
  }

  /** @param leaf index of the prompt's last block, or NONE */
  add(leaf: number, promptTokens: number, atUs: number): void {
    if (!Number.isNaN(promptTokens)) this.#promptTokens += promptTokens
    if (leaf === NONE) return
    const depth = this.#depths[leaf]!
    let hits = 0
    for (let block = leaf; block !== NONE; block = this.#blocks.parent[block]!) {
      if (this.#uses[block]! > 0) {
        if (hits === 0) {
          hits = this.#depths[block]!
          this.#hitTokens += Math.min(this.#ends[block]!, promptTokens || 0)
        }
        if (block !== this.#firstBlock) this.#gaps.add(atUs - this.#lastUs[block]!)
      }
      if (this.#lengths.length === 0) this.#firstBlock = block
      this.#uses[block]! += 1
      this.#lastUs[block] = atUs
    }
    this.#lengths.push(depth)
    this.#hitBlocks += hits
    if (hits > 0) this.#hitRequests += 1
    if (hits === depth) this.#fullRequests += 1
  }

  /** @returns null where no request has a prefix */
  figures(): PrefixFigures | null {
    const lengths = summarise(this.#lengths.view())
    if (lengths === null) return null
    const used = this.#uses.filter((count) => count > 0).toSorted()
    return {
      requests: lengths.n,
      total_blocks: lengths.sum,
      unique_blocks: used.length,
      prefix_hit_blocks: this.#hitBlocks,
      block_prefix_hit_ratio: this.#hitBlocks / lengths.sum,
      block_reuse_ratio_1_minus_unique_over_total: 1 - used.length / lengths.sum,
      requests_with_hit_frac: this.#hitRequests / lengths.n,
      requests_fully_cached_frac: this.#fullRequests / lengths.n,
      blocks_used_once_frac: shareOfOnes(used),
      top_block_uses: used.at(-1)!,
      token_prefix_hit_ratio: this.#promptTokens === 0 ? 0 : this.#hitTokens / this.#promptTokens,
      blocks: lengths,
      reuse_gap_s: this.#gaps.figures(),
      top10pct_blocks_share_of_reuse: topShare(used, lengths.sum - used.length),
    }
  }
}

function depthsOf({ parent }: PlanBlocks): Uint32Array {
  const depths = new Uint32Array(parent.length)
  for (let block = 0; block < depths.length; block += 1) {
    depths[block] = parent[block] === NONE ? 1 : depths[parent[block]!]! + 1
  }
  return depths
}

function shareOfOnes(ascending: Uint32Array): number {
  const firstLarger = ascending.findIndex((count) => count > 1)
  return firstLarger < 0 ? 1 : firstLarger / ascending.length
}

/** Share of all reuse that falls on the tenth of the blocks that is used most. */
function topShare(ascending: Uint32Array, reuseCount: number): number {
  if (reuseCount === 0) return 0
  const topCount = Math.floor(ascending.length / 10)
  const reuse = ascending.subarray(ascending.length - topCount).reduce((sum, n) => sum + n - 1, 0)
  return reuse / reuseCount
}
