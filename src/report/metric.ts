/** One latency with its percentiles and how sure they are. Pure. */
import { describe } from '../stats/moments.ts'
import { estimateQuantiles, percentileInterval } from '../stats/quantile-estimate.ts'
import type { GroupedSketch } from '../stats/grouped-sketch.ts'
import { sequenceFor } from '../base/random.ts'
import type { QuantileSketch } from '../stats/sketch.ts'

export const PERCENTILES = ['p50', 'p90', 'p95', 'p99', 'p99.9'] as const
export type PercentileName = (typeof PERCENTILES)[number]

/**
 * µs with its 95 % interval; `method` says how that was made (docs/metrics.md). Without an interval:
 * neighbouring requests are so alike that nothing can be said of how sure the value is.
 */
export type Percentile = Readonly<{
  value: number
  low: number | null
  high: number | null
  method: 'order' | 'block-bootstrap' | 'effective' | 'request-bootstrap' | 'cannot-say'
}>

/** Times in µs. A percentile is null where there are too few samples to bound it. */
export type Metric = Readonly<
  {
    n: number
    /** So many independent samples would be as sure. */
    n_effective: number
    mean: number
    sd: number | null
    min: number | null
    max: number
  } & Record<PercentileName, Percentile | null>
>

export function shareOf(name: PercentileName): number {
  return Number(name.slice(1)) / 100
}

/** @param values µs, in the order in which they were due; @returns null for none */
export function metricOf(values: Float64Array): Metric | null {
  if (values.length === 0) return null
  const { n, mean, sd, min, max } = describe(values)
  const estimate = estimateQuantiles(values, PERCENTILES.map(shareOf))
  return {
    n,
    n_effective: Math.round(estimate.effectiveCount),
    mean,
    sd,
    min,
    max,
    ...byName((index) => {
      const found = estimate.quantiles[index]
      if (!found) return null
      const { value, interval } = found
      return interval
        ? { value, ...interval }
        : { value, low: null, high: null, method: 'cannot-say' }
    }),
  }
}

const RESAMPLES = 400
/** Fewer streams cannot tell how different streams are. */
const MIN_GROUPS = 20

/** What resampled requests give for each percentile, µs; null for too few. */
export function groupReplicates(groups: GroupedSketch): Float64Array[] | null {
  if (groups.groupCount < MIN_GROUPS) return null
  const draw = sequenceFor('metric', 'request bootstrap')
  return groups.replicates(PERCENTILES.map(shareOf), RESAMPLES, draw)
}

/**
 * A latency with many samples a request, such as inter-token latency: requests are resampled whole,
 * because the gaps of one answer depend on each other.
 */
export function groupedMetricOf(
  sketch: QuantileSketch,
  replicates: readonly Float64Array[] | null,
  streamCount: number,
): Metric | null {
  if (sketch.count === 0) return null
  const qs = PERCENTILES.map(shareOf)
  return {
    n: sketch.count,
    n_effective: streamCount,
    mean: sketch.mean,
    sd: null,
    min: null,
    max: sketch.max,
    ...byName((index) => {
      // A tail that fewer than ten requests' worth of gaps reaches is one request's accident.
      if (replicates === null || sketch.count * (1 - qs[index]!) < 10) return null
      const { low, high } = percentileInterval(replicates[index]!)
      const value = sketch.quantile(qs[index]!)
      return {
        value,
        low: Math.min(low, value),
        high: Math.max(high, value),
        method: 'request-bootstrap',
      }
    }),
  }
}

function byName(
  make: (index: number) => Percentile | null,
): Record<PercentileName, Percentile | null> {
  return Object.fromEntries(PERCENTILES.map((name, index) => [name, make(index)])) as Record<
    PercentileName,
    Percentile | null
  >
}
