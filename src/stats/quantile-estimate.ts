/** A quantile with what is known about it: interval, how it was made, or that nothing can be said. Pure. */
import { sequenceFor } from '../base/random.ts'
import { planResamples, quantileReplicates } from './bootstrap.ts'
import { ranksOf } from './correlation.ts'
import { correlationLength } from './dependence.ts'
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
/** Fewer effective values than this beyond a quantile of dependent values, and nothing is said. */
const FEWEST_BEYOND = 10
/** From fewer than this the correlation length itself cannot be told: a long excursion looks short. */
const FEWEST_EFFECTIVE = 30

/** @param values in the order in which they happened; may be none */
export function estimateQuantiles(values: Float64Array, qs: readonly number[]): SeriesEstimate {
  const n = values.length
  const rankLength = correlationLength(ranksOf(values))
  const sorted = values.toSorted()
  const lengths = qs.map((q) =>
    Math.max(rankLength, tailLength(values, quantileOfSorted(sorted, q))),
  )
  const isIndependent = rankLength <= INDEPENDENT_LENGTH
  const resampled =
    isIndependent || n > MAX_RESAMPLED ? null : resample(values, qs, Math.max(...lengths))
  const quantiles = qs.map((q, index): QuantileEstimate | null => {
    if (n < fewestFor(q, LEVEL)) return null
    const value = quantileOfSorted(sorted, q)
    if (isIndependent) {
      const interval = orderInterval(sorted, q, LEVEL)
      return { q, value, interval: interval && { ...interval, method: 'order' } }
    }
    const effectiveCount = n / lengths[index]!
    return { q, value, interval: dependent(sorted, q, effectiveCount, resampled?.[index]) }
  })
  return { n, effectiveCount: isIndependent ? n : n / rankLength, quantiles }
}

function dependent(
  sorted: Float64Array,
  q: number,
  effectiveCount: number,
  narrow: Interval | undefined,
): QuantileEstimate['interval'] {
  if (effectiveCount < FEWEST_EFFECTIVE) return null
  if (effectiveCount * Math.min(q, 1 - q) < FEWEST_BEYOND) return null
  const wide = effectiveInterval(sorted, q, effectiveCount, LEVEL)
  if (wide === null) return null
  if (!narrow) return { ...wide, method: 'effective' }
  return {
    low: Math.min(narrow.low, wide.low),
    high: Math.max(narrow.high, wide.high),
    method: 'block-bootstrap',
  }
}

/** Correlation length of being beyond a value: queues keep the tail together longer than the middle. */
function tailLength(values: Float64Array, threshold: number): number {
  return correlationLength(values.map((value) => (value > threshold ? 1 : 0)))
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
