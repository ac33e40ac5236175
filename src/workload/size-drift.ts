/** Makes prompts or answers longer or shorter over time. Pure. */
import type { Draw } from '../base/random.ts'
import { driftFactorFor, type Drift } from './drift.ts'
import { ABORT_BY_TOKENS, NONE, type PlanBlocks, type PlanColumns } from './plan.ts'
import { endTokens } from './block-table.ts'
import { sized } from './source-row.ts'

/**
 * @param tokens n sizes; 0 stays 0
 * @param atUs n instants on the clock of the drifts
 * @param draw keyed by (seq, copy, number of the drift)
 * @returns n sizes, whole, 1 at least
 */
export function scaleSizes(
  tokens: Uint32Array,
  { seq, copy }: Pick<PlanColumns, 'seq' | 'copy'>,
  atUs: Float64Array,
  drifts: readonly Drift[],
  draw: Draw,
): Uint32Array {
  return tokens.map((size, row) => {
    if (size === 0) return 0
    let scaled = size
    for (let index = 0; index < drifts.length; index += 1) {
      const uniform = draw(seq[row]!, copy[row], index)
      scaled *= driftFactorFor(drifts[index]!, atUs[row]!, uniform)
    }
    return sized(Math.round(scaled))
  })
}

/** An answer that is hung up after k tokens has to be longer than k. */
export function outlastHangUps({ flags, abortAt, outputTokens }: PlanColumns): Uint32Array {
  return outputTokens.map((tokens, row) =>
    (flags[row]! & ABORT_BY_TOKENS) > 0 ? Math.max(tokens, abortAt[row]! + 1) : tokens,
  )
}

/** A shorter prompt quotes less: each leaf moves up to the last block that still fits in it. */
export function fitLeaves({ leaf, promptTokens }: PlanColumns, blocks: PlanBlocks): Uint32Array {
  if (blocks.id.length === 0) return leaf
  const ends = endTokens(blocks)
  return leaf.map((block, row) => {
    let fitting = block
    while (fitting !== NONE && ends[fitting]! > promptTokens[row]!)
      fitting = blocks.parent[fitting]!
    return fitting
  })
}
