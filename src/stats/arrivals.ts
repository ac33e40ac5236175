/** How events are spread over time: gaps, counts per window, dispersion, autocorrelation. Pure. */
import { describe } from './moments.ts'

/** @param sortedAtUs n ascending instants; @returns the n − 1 gaps between them, zeros included */
export function gapsOf(sortedAtUs: Float64Array): Float64Array {
  const gaps = new Float64Array(Math.max(0, sortedAtUs.length - 1))
  for (let index = 0; index < gaps.length; index += 1) {
    gaps[index] = sortedAtUs[index + 1]! - sortedAtUs[index]!
  }
  return gaps
}

/**
 * Events in each window [first + k·w, first + (k+1)·w). A last window that the span does not fill
 * is left out, because it would count too few.
 *
 * @param sortedAtUs ascending
 */
export function countsPerWindow(sortedAtUs: Float64Array, windowUs: number): Float64Array {
  const first = sortedAtUs[0] ?? 0
  const spanUs = (sortedAtUs.at(-1) ?? 0) - first
  const counts = new Float64Array(Math.floor(spanUs / windowUs))
  for (let index = 0; index < sortedAtUs.length; index += 1) {
    const window = Math.floor((sortedAtUs[index]! - first) / windowUs)
    if (window >= counts.length) break
    counts[window]! += 1
  }
  return counts
}

/** Index of dispersion for counts: variance over mean. 1 for a Poisson process; NaN without a window. */
export function dispersionIndex(sortedAtUs: Float64Array, windowUs: number): number {
  const { mean, sd } = describe(countsPerWindow(sortedAtUs, windowUs))
  return (sd * sd) / mean
}

/**
 * Autocorrelation at a lag: the mean of (x_i − m)(x_{i+lag} − m) over the pairs there are, divided by
 * the population variance; m over all values.
 *
 * @returns NaN for a series that does not vary, or is no longer than the lag
 */
export function autocorrelation(values: Float64Array, lag: number): number {
  const { n, mean, sd } = describe(values)
  let products = 0
  for (let index = lag; index < n; index += 1) {
    products += (values[index]! - mean) * (values[index - lag]! - mean)
  }
  return products / (n - lag) / (sd * sd)
}

/**
 * The largest step of which every instant is a whole multiple, as far as `sortedAtUs` tells.
 *
 * @returns µs; 0 for fewer than two distinct instants
 */
export function quantumUs(sortedAtUs: Float64Array): number {
  const first = sortedAtUs[0] ?? 0
  let divisor = 0
  for (let index = 1; index < sortedAtUs.length && divisor !== 1; index += 1) {
    divisor = greatestCommonDivisor(divisor, sortedAtUs[index]! - first)
  }
  return divisor
}

function greatestCommonDivisor(a: number, b: number): number {
  let [large, small] = [a, b]
  while (small > 0) [large, small] = [small, large % small]
  return large
}
