/** Drift of single rows: how many share a prefix, how many hang up; silence and oversized prompts. Pure. */
import type { Draw } from '../base/random.ts'
import { isDuring, type Anomaly } from './anomaly.ts'
import { driftFactor, type Drift } from './drift.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, NONE, type PlanColumns } from './plan.ts'
import { sized } from './source-row.ts'

const HUNG_UP = ABORT_BY_TIME | ABORT_BY_TOKENS

/** @returns n leaves; a row keeps its prefix with the probability that the factor is at its instant */
export function loosenPrefixes(
  { leaf, seq, copy }: PlanColumns,
  atUs: Float64Array,
  drifts: readonly Drift[],
  draw: Draw,
): Uint32Array {
  return leaf.map((block, row) => {
    const kept = product(drifts, atUs[row]!)
    return draw(seq[row]!, copy[row]) < kept ? block : NONE
  })
}

function product(drifts: readonly Drift[], atUs: number): number {
  return drifts.reduce((factor, drift) => factor * driftFactor(drift, atUs), 1)
}

/** True if there is a hang-up to take as a model. */
export function hasHangUps({ flags }: PlanColumns): boolean {
  return flags.some((bits) => (bits & HUNG_UP) > 0)
}

/**
 * With a factor f the share of rows that hang up becomes f times what it is. A new hang-up is like a
 * drawn one of those recorded; one by tokens comes before the answer's end.
 *
 * @returns flags and places of n rows
 */
export function driftHangUps(
  columns: PlanColumns,
  atUs: Float64Array,
  drifts: readonly Drift[],
  draw: Draw,
): Pick<PlanColumns, 'flags' | 'abortAt'> {
  const { seq, copy, outputTokens } = columns
  const flags = columns.flags.slice()
  const abortAt = columns.abortAt.slice()
  const models: number[] = []
  for (let row = 0; row < flags.length; row += 1) if ((flags[row]! & HUNG_UP) > 0) models.push(row)
  const share = models.length / flags.length
  for (let row = 0; row < flags.length; row += 1) {
    const factor = product(drifts, atUs[row]!)
    const uniform = draw(seq[row]!, copy[row], 0)
    if ((columns.flags[row]! & HUNG_UP) > 0) {
      if (uniform >= factor) flags[row]! &= ~HUNG_UP
      continue
    }
    if (outputTokens[row] === 0 || uniform >= ((factor - 1) * share) / (1 - share)) continue
    const model = models[Math.floor(draw(seq[row]!, copy[row], 1) * models.length)]!
    flags[row]! |= columns.flags[model]! & HUNG_UP
    const isByTokens = (flags[row]! & ABORT_BY_TOKENS) > 0
    const most = isByTokens ? Math.max(1, outputTokens[row]! - 1) : Infinity
    abortAt[row] = Math.min(columns.abortAt[model]!, most)
  }
  return { flags, abortAt }
}

/** @returns n prompts; a share of those in the stretch is longer by the factor */
export function oversize(
  { promptTokens, seq, copy }: PlanColumns,
  atUs: Float64Array,
  anomalies: readonly Anomaly[],
  draw: Draw,
): Uint32Array {
  return promptTokens.map((tokens, row) => {
    let size = tokens
    for (let index = 0; index < anomalies.length; index += 1) {
      const anomaly = anomalies[index]!
      const isHit =
        isDuring(anomaly, atUs[row]!) && draw(seq[row]!, copy[row], index) < anomaly.share
      if (isHit) size = sized(Math.round(size * anomaly.factor))
    }
    return size
  })
}

/** Rows that are not in any silence. */
export function outsideSilence(atUs: Float64Array, anomalies: readonly Anomaly[]): Uint32Array {
  const rows: number[] = []
  for (let row = 0; row < atUs.length; row += 1) {
    if (!anomalies.some((anomaly) => isDuring(anomaly, atUs[row]!))) rows.push(row)
  }
  return Uint32Array.from(rows)
}
