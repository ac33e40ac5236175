/** A quantile with what is known about it: interval, how it was made, or that nothing can be said. Pure. */
import { sequenceFor } from '../base/random.ts'
import { planResamples, quantileReplicates } from './bootstrap.ts'
import { ranksOf } from './correlation.ts'
import { type Dependence, dependenceOf } from './dependence.ts'
import { effectiveInterval, fewestFor, type Interval, orderInterval } from './interval.ts'
import { quantileOfSorted } from './quantile.ts'

/**
 * - order: exact order statistics, the values look independent
 * - block-bootstrap: circular block bootstrap, never narrower than order statistics at the effective count
 * - effective: order statistics at the effective count, for series too long to resample
 */
export type IntervalMethod = 'order' | 'block-bootstrap' | 'effective'

export type QuantileEstimate = Readonly<{
  q: number
  value: number
  /** null: neighbours are so alike that nothing can be said of how sure the value is. */
  interval: (Interval & Readonly<{ method: IntervalMethod }>) | null
}>

export type SeriesEstimate = Readonly<{
  n: number
  /** So many independent values would be as uncertain. */
  effectiveCount: number
  /** null where there are too few values to say anything. */
  quantiles: readonly (QuantileEstimate | null)[]
}>

const LEVEL = 0.95
const RESAMPLES = 1_000
/** Above it a resample costs more than it adds. */
const MAX_RESAMPLED = 20_000
/** Up to this correlation length values count as independent: it is what chance alone gives. */
const INDEPENDENT_LENGTH = 1.1
/**
 * Fewer effective values than this beyond a quantile of dependent values, and nothing is said. A run that
 * happened to miss the rare long excursions of a queue looks calm, in its tail most of all.
 */
const FEWEST_BEYOND = { middle: 3, tail: 8 } as const
const TAIL_FROM = 0.75
/** How many values count is itself an estimate: asking for more than 95 % pays for that. */
const DEPENDENT_LEVEL = 0.98
/** Ends of an interval may depend on their neighbours for longer than its middle. */
const LOOKS_AT_ENDS = 2

/** @param values in the order in which they happened; may be none */
export function estimateQuantiles(values: Float64Array, qs: readonly number[]): SeriesEstimate {
  const n = values.length
  const ranks = dependenceOf(ranksOf(values))
  const sorted = values.toSorted()
  const isIndependent = ranks.length <= INDEPENDENT_LENGTH
  const said = qs.map((q) => {
    if (n < fewestFor(q, LEVEL)) return null
    const wide = isIndependent
      ? orderInterval(sorted, q, LEVEL)
      : dependent(values, sorted, q, ranks)
    return { value: quantileOfSorted(sorted, q), wide }
  })
  const isResampled =
    !isIndependent && n <= MAX_RESAMPLED && said.some((each) => each !== null && each.wide !== null)
  const narrow = isResampled ? resample(values, qs, ranks.length) : null
  const quantiles = qs.map((q, index): QuantileEstimate | null => {
    const each = said[index] ?? null
    if (each === null) return null
    const { value, wide } = each
    if (wide === null) return { q, value, interval: null }
    if (isIndependent) return { q, value, interval: { ...wide, method: 'order' } }
    if (narrow === null) return { q, value, interval: { ...wide, method: 'effective' } }
    const low = Math.min(narrow[index]!.low, wide.low)
    const high = Math.max(narrow[index]!.high, wide.high)
    return { q, value, interval: { low, high, method: 'block-bootstrap' } }
  })
  return { n, effectiveCount: isIndependent ? n : n / ranks.length, quantiles }
}

/** Order statistics at the effective count, which is the least that the quantile and both ends show. */
function dependent(
  values: Float64Array,
  sorted: Float64Array,
  q: number,
  ranks: Dependence,
): Interval | null {
  const n = values.length
  const isBeyond = new Uint8Array(n)
  const lengthAt = (threshold: number) => {
    for (let index = 0; index < n; index += 1) isBeyond[index] = values[index]! > threshold ? 1 : 0
    return dependenceOf(isBeyond).atMost
  }
  let length = Math.max(ranks.atMost, lengthAt(quantileOfSorted(sorted, q)))
  let found = effectiveInterval(sorted, q, n / length, DEPENDENT_LEVEL)
  for (let look = 0; look < LOOKS_AT_ENDS && found !== null; look += 1) {
    const longest = Math.max(length, lengthAt(found.low), lengthAt(found.high))
    if (longest === length) break
    length = longest
    found = effectiveInterval(sorted, q, n / length, DEPENDENT_LEVEL)
  }
  const side = Math.min(q, 1 - q)
  const fewest = side > 1 - TAIL_FROM ? FEWEST_BEYOND.middle : FEWEST_BEYOND.tail
  return (n / length) * side < fewest ? null : found
}

function resample(values: Float64Array, qs: readonly number[], length: number): Interval[] {
  const blockLength = Math.ceil(Math.max(values.length ** (1 / 3), 3 * length))
  const plan = planResamples(
    values.length,
    Math.min(blockLength, values.length),
    RESAMPLES,
    sequenceFor('quantile', 'block bootstrap'),
  )
  return quantileReplicates(values, qs, plan).map(percentileInterval)
}

/** The middle 95 % of resampled values. */
export function percentileInterval(replicates: Float64Array): Interval {
  const sorted = replicates.toSorted()
  return {
    low: quantileOfSorted(sorted, (1 - LEVEL) / 2),
    high: quantileOfSorted(sorted, (1 + LEVEL) / 2),
  }
}
