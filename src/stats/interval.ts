/** How sure a quantile is: intervals from order statistics. Pure. */
import { quantileOfSorted } from './quantile.ts'
import { betaI } from './special.ts'

export type Interval = Readonly<{ low: number; high: number }>

/** P(at most k of n independent trials succeed), each with probability p. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0
  return k >= n ? 1 : betaI(n - k, k + 1, 1 - p)
}

/**
 * Exact interval for a quantile of n independent values: no assumption on their law.
 * Lower end: the largest order statistic X(l) with P(B < l) ≤ (1 − level)/2; upper end alike.
 *
 * @param sorted ascending
 * @returns null where n is too small for an interval of that level
 */
export function orderInterval(
  sorted: ArrayLike<number>,
  q: number,
  level: number = 0.95,
): Interval | null {
  const n = sorted.length
  const tail = (1 - level) / 2
  const lower = firstCount(n, (k) => binomialCdf(k, n, q) > tail)
  const upper = firstCount(n, (k) => binomialCdf(k, n, q) >= 1 - tail)
  if (lower < 1 || upper >= n) return null
  return { low: sorted[lower - 1]!, high: sorted[upper]! }
}

/**
 * The same for values that depend on each other: the interval of the share q seen in `effectiveCount`
 * independent values (Clopper and Pearson), read off the sample.
 *
 * @returns null where so few values could not bound the quantile on both sides
 */
export function effectiveInterval(
  sorted: ArrayLike<number>,
  q: number,
  effectiveCount: number,
  level: number = 0.95,
): Interval | null {
  const tail = (1 - level) / 2
  const n = Math.min(sorted.length, effectiveCount)
  if (q ** n > tail || (1 - q) ** n > tail) return null
  const hits = q * n
  const low = betaQuantile(tail, hits, n - hits + 1)
  const high = betaQuantile(1 - tail, hits + 1, n - hits)
  return { low: quantileOfSorted(sorted, low), high: quantileOfSorted(sorted, high) }
}

/** Fewest independent values whose quantile q has an exact two-sided interval. */
export function fewestFor(q: number, level: number = 0.95): number {
  const tail = (1 - level) / 2
  return Math.ceil(Math.log(tail) / Math.log(Math.max(q, 1 - q)))
}

/** Smallest k in 0…n for which `isReached`; the predicate turns once from false to true. */
function firstCount(n: number, isReached: (k: number) => boolean): number {
  let low = 0
  let high = n
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isReached(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** Inverse of the Beta distribution function, by bisection to 1e-12. */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let step = 0; step < 48; step += 1) {
    const middle = (low + high) / 2
    if (betaI(a, b, middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
