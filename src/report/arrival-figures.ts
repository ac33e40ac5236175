/** When requests came, in figures: rate, gaps, dispersion over several windows, fits. Pure. */
import { autocorrelation, countsPerWindow, gapsOf, quantumUs } from '../stats/arrivals.ts'
import { type ArrivalFit, fitGaps } from '../stats/fit.ts'
import { describe } from '../stats/moments.ts'
import { quantiles } from '../stats/quantile.ts'

const WINDOWS_S = [1, 10, 60, 600, 3_600] as const
/** Fewer windows have no variance worth the name, and fewer than ten no autocorrelation. */
const MIN_WINDOWS = 2
const MIN_WINDOWS_FOR_ACF = 10
/** A pause this long is a time without traffic, not a gap of the arrival process. */
const LONG_GAP_US = 10_000_000

/**
 * Names as in the JSON; `idc_1s`, `peak_1s`, `mean_1s`, `peak_to_mean_1s` and `acf1_1s` stand beside
 * them for each window that fits into the span often enough.
 */
export type ArrivalFigures = Readonly<
  {
    n: number
    first: number
    duration_s: number
    rate_n_over_dur: number | null
    rate_nm1_over_dur: number | null
    iat_mean: number | null
    iat_sd: number | null
    iat_cv: number | null
    iat_p50: number | null
    iat_p99: number | null
    iat_max: number | null
    iat_zero_frac: number | null
    distinct_timestamps: number
    quantum_us: number
    long_gaps: Readonly<{ from_s: number; count: number; sum_s: number; idle_share: number }>
    iat_cv_without_long_gaps: number | null
    fit_on_positive_iat: ArrivalFit | null
  } & { [name: `${'idc' | 'peak' | 'mean' | 'peak_to_mean' | 'acf1'}_${number}s`]: number }
>

/**
 * @param sortedAtUs ascending
 * @param rateFactor requests that each row stands for: rates are multiplied by it, nothing else is
 */
export function arrivalFigures(sortedAtUs: Float64Array, rateFactor = 1): ArrivalFigures {
  const n = sortedAtUs.length
  const firstUs = sortedAtUs[0] ?? 0
  const spanUs = (sortedAtUs.at(-1) ?? 0) - firstUs
  const gapsUs = gapsOf(sortedAtUs)
  const gaps = describe(gapsUs)
  const [p50 = 0, p99 = 0] = quantiles(gapsUs, [0.5, 0.99])
  const shortGapsUs = gapsUs.filter((gap) => gap < LONG_GAP_US)
  const longSumUs = gaps.sum - describe(shortGapsUs).sum
  const zeroCount = countOf(gapsUs, 0)
  return {
    n,
    first: firstUs / 1e6,
    duration_s: spanUs / 1e6,
    rate_n_over_dur: orNull((rateFactor * n) / (spanUs / 1e6)),
    rate_nm1_over_dur: orNull((rateFactor * (n - 1)) / (spanUs / 1e6)),
    iat_mean: orNull(gaps.mean / 1e6),
    iat_sd: orNull(gaps.sd / 1e6),
    iat_cv: orNull(gaps.cv),
    iat_p50: orNull(p50 / 1e6),
    iat_p99: orNull(p99 / 1e6),
    iat_max: orNull(gaps.max / 1e6),
    iat_zero_frac: orNull(zeroCount / gapsUs.length),
    ...dispersionFigures(sortedAtUs),
    distinct_timestamps: n === 0 ? 0 : 1 + gapsUs.length - zeroCount,
    quantum_us: quantumUs(sortedAtUs),
    long_gaps: {
      from_s: LONG_GAP_US / 1e6,
      count: gapsUs.length - shortGapsUs.length,
      sum_s: longSumUs / 1e6,
      idle_share: spanUs === 0 ? 0 : longSumUs / spanUs,
    },
    iat_cv_without_long_gaps: orNull(describe(shortGapsUs).cv),
    fit_on_positive_iat: fitGaps(gapsUs.map((gap) => gap / 1e6)),
  }
}

function dispersionFigures(sortedAtUs: Float64Array): Record<`idc_${number}s`, number> {
  const figures: Record<string, number> = {}
  for (const seconds of WINDOWS_S) {
    const counts = countsPerWindow(sortedAtUs, seconds * 1_000_000)
    if (counts.length < MIN_WINDOWS) break
    const { mean, sd, max } = describe(counts)
    figures[`idc_${seconds}s`] = (sd * sd) / mean
    figures[`peak_${seconds}s`] = max
    figures[`mean_${seconds}s`] = mean
    figures[`peak_to_mean_${seconds}s`] = max / mean
    const correlation = autocorrelation(counts, 1)
    if (counts.length >= MIN_WINDOWS_FOR_ACF && Number.isFinite(correlation)) {
      figures[`acf1_${seconds}s`] = correlation
    }
  }
  return figures
}

function countOf(values: Float64Array, wanted: number): number {
  let count = 0
  for (const value of values) if (value === wanted) count += 1
  return count
}

/** JSON has neither NaN nor infinity: what cannot be said is null. */
function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
