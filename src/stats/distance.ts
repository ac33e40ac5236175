/** How far two samples, or a sample and a law, are apart. Pure. */
import { quantileOfSorted } from './quantile.ts'

/**
 * Kolmogorov–Smirnov distance of two samples: the largest vertical gap of their distribution functions.
 *
 * @returns between 0 and 1; NaN where a side is empty, or has a value that is no number
 */
export function ksDistance(first: Float64Array, second: Float64Array): number {
  if (first.length === 0 || second.length === 0) return Number.NaN
  return ksOfSorted(first.toSorted(), second.toSorted())
}

/** The same of two samples that are ascending already. */
export function ksOfSorted(left: Float64Array, right: Float64Array): number {
  if (!isComparable(left) || !isComparable(right)) return Number.NaN
  let largest = 0
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    const value = Math.min(left[i]!, right[j]!)
    while (i < left.length && left[i] === value) i += 1
    while (j < right.length && right[j] === value) j += 1
    largest = Math.max(largest, Math.abs(i / left.length - j / right.length))
  }
  return largest
}

/**
 * Kolmogorov–Smirnov distance of a sample from a law with distribution function `cdf`.
 *
 * Both functions rise, so between two values the distance is bounded by what is known at their ends:
 * stretches that cannot hold the largest are left out, and `cdf` is asked for few of the values.
 */
export function ksAgainst(sorted: Float64Array, cdf: (value: number) => number): number {
  const n = sorted.length
  if (n === 0) return Number.NaN
  let largest = 0
  const at = (index: number) => {
    const expected = cdf(sorted[index]!)
    largest = Math.max(largest, (index + 1) / n - expected, expected - index / n)
    return expected
  }
  const open: [low: number, high: number, atLow: number, atHigh: number][] = []
  open.push([0, n - 1, at(0), at(n - 1)])
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [low, high, atLow, atHigh] = next
    const bound = Math.max(high / n - atLow, atHigh - (low + 1) / n)
    if (high - low < 2 || bound <= largest) continue
    const middle = (low + high) >>> 1
    const atMiddle = at(middle)
    open.push([low, middle, atLow, atMiddle], [middle, high, atMiddle, atHigh])
  }
  return largest
}

/** Some values, all of them numbers: a NaN, which sorting puts last, is never passed by. */
function isComparable(sorted: Float64Array): boolean {
  return sorted.length > 0 && !Number.isNaN(sorted.at(-1))
}

/** First Wasserstein distance, ∫ |F − G| dx, in the unit of the values; NaN as with `ksDistance`. */
export function wasserstein(first: Float64Array, second: Float64Array): number {
  const left = first.toSorted()
  const right = second.toSorted()
  if (!isComparable(left) || !isComparable(right)) return Number.NaN
  let area = 0
  let previous = Math.min(left[0]!, right[0]!)
  for (let i = 0, j = 0; i < left.length || j < right.length;) {
    const value = Math.min(
      left[i] ?? Number.POSITIVE_INFINITY,
      right[j] ?? Number.POSITIVE_INFINITY,
    )
    area += Math.abs(i / left.length - j / right.length) * (value - previous)
    while (i < left.length && left[i] === value) i += 1
    while (j < right.length && right[j] === value) j += 1
    previous = value
  }
  return area
}

const PSI_BINS = 10
/** Stands in for an empty bin, whose logarithm would be infinite. */
const PSI_FLOOR = 1e-4

/**
 * Population stability index over ten bins of equal share in `reference`: Σ (p − q)·ln(p / q).
 * By convention below 0.1 is stable and above 0.25 has moved.
 */
export function populationStability(reference: Float64Array, sample: Float64Array): number {
  if (reference.length === 0 || sample.length === 0) return Number.NaN
  return stabilityOfSorted(reference.toSorted(), sample)
}

/** The same with a reference that is ascending already. */
export function stabilityOfSorted(reference: Float64Array, sample: Float64Array): number {
  if (reference.length === 0 || sample.length === 0) return Number.NaN
  const edges = Array.from({ length: PSI_BINS - 1 }, (_, index) =>
    quantileOfSorted(reference, (index + 1) / PSI_BINS),
  )
  const wanted = sharesOf(reference, edges)
  const seen = sharesOf(sample, edges)
  return wanted.reduce((total, share, index) => {
    const [p, q] = [Math.max(seen[index]!, PSI_FLOOR), Math.max(share, PSI_FLOOR)]
    return total + (p - q) * Math.log(p / q)
  }, 0)
}

function sharesOf(values: Float64Array, edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0)
  for (const value of values) {
    let bin = 0
    while (bin < edges.length && value > edges[bin]!) bin += 1
    counts[bin]! += 1
  }
  return counts.map((count) => count / values.length)
}
