/** Two small groups of runs: exact Mann–Whitney and the Hodges–Lehmann shift. Pure. */
import type { Interval } from './interval.ts'
import { normalCdf } from './special.ts'

/** Counting arrangements exactly takes no more than this many values a side. */
const MAX_EXACT = 40

/**
 * Two-sided p-value of Mann and Whitney's U: exact by counting arrangements where there are no ties
 * and few values, else the normal approximation with correction for ties and continuity.
 */
export function mannWhitneyP(first: readonly number[], second: readonly number[]): number {
  const [m, n] = [first.length, second.length]
  if (m === 0 || n === 0) return 1
  let u = 0
  let hasTies = false
  for (const a of first) {
    for (const b of second) {
      if (a === b) hasTies = true
      u += a > b ? 1 : a === b ? 0.5 : 0
    }
  }
  if (!hasTies && Math.max(m, n) <= MAX_EXACT) {
    const counts = arrangements(m, n)
    const total = counts.reduce((sum, count) => sum + count, 0)
    const lower = Math.min(u, m * n - u)
    let below = 0
    for (let k = 0; k <= lower; k += 1) below += counts[k]!
    return Math.min(1, (2 * below) / total)
  }
  const spread = Math.sqrt(((m * n) / 12) * (m + n + 1 - tieTerm([...first, ...second])))
  if (spread === 0) return 1
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / spread
  return Math.min(1, 2 * normalCdf(-z))
}

/** Σ(t³ − t) / (N(N − 1)) over groups of t equal values. */
function tieTerm(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const total = values.length
  const cubes = [...counts.values()].reduce((sum, t) => sum + t ** 3 - t, 0)
  return cubes / (total * (total - 1))
}

/** How many arrangements of m and n values give each U from 0 to m·n. */
export function arrangements(m: number, n: number): Float64Array {
  let counts: Float64Array = Float64Array.of(1)
  for (let k = 1; k <= m; k += 1) {
    // Multiply by (1 − x^(n+k)) and divide by (1 − x^k): Gauss's binomial, one factor at a time.
    const next = new Float64Array(k * n + 1)
    for (let power = 0; power < next.length; power += 1) {
      next[power] =
        (counts[power] ?? 0) -
        (power >= n + k ? (counts[power - n - k] ?? 0) : 0) +
        (power >= k ? next[power - k]! : 0)
    }
    counts = next
  }
  return counts
}

export type Shift = Readonly<{ shift: number; interval: Interval | null }>

/**
 * Hodges–Lehmann: the median of all differences second − first. The interval is the exact one that goes
 * with Mann and Whitney's test.
 *
 * @param level of the interval; null where the groups are too small for it
 */
export function hodgesLehmann(
  first: readonly number[],
  second: readonly number[],
  level: number = 0.95,
): Shift {
  const differences = Float64Array.from(second.flatMap((b) => first.map((a) => b - a))).toSorted()
  const count = differences.length
  const middle = (count - 1) / 2
  const shift = (differences[Math.floor(middle)]! + differences[Math.ceil(middle)]!) / 2
  const cut = criticalCount(first.length, second.length, (1 - level) / 2)
  if (cut < 1) return { shift, interval: null }
  return { shift, interval: { low: differences[cut - 1]!, high: differences[count - cut]! } }
}

/** The most differences k to leave out at each end with P(U < k) ≤ tail. */
function criticalCount(m: number, n: number, tail: number): number {
  const counts = arrangements(m, n)
  const total = counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  for (let k = 0; k < counts.length; k += 1) {
    below += counts[k]! / total
    if (below > tail) return k
  }
  return 0
}

/** Holm's correction: p-values that may be compared with one level for the whole family. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).toSorted((a, b) => pValues[a]! - pValues[b]!)
  const corrected = pValues.map(() => 0)
  let largest = 0
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, pValues[index]! * (pValues.length - rank)))
    corrected[index] = largest
  })
  return corrected
}
