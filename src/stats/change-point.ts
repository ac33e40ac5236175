/** Where a series of runs changed: E-divisive splits with a t-test, as benchmark histories use it. Pure. */
import { describe } from './moments.ts'
import { betaI } from './special.ts'

export type ChangePoint = Readonly<{
  /** First run after the change. */
  index: number
  /** Means before and after, up to the neighbouring change points. */
  before: number
  after: number
  p: number
}>

/** Fewer runs on a side than this say nothing about a level. */
const MIN_SIDE = 3

/** In fewer runs no change of level can be found. */
export const FEWEST_RUNS = 2 * MIN_SIDE

/**
 * @param values one for each run, in order of time
 * @param maxP a split counts only below it
 * @param minChange relative; smaller changes of level are left out
 */
export function changePoints(
  values: readonly number[],
  maxP: number = 0.001,
  minChange: number = 0,
): ChangePoint[] {
  const cuts = splits(values, 0, values.length, maxP).toSorted((a, b) => a - b)
  const edges = [0, ...cuts, values.length]
  return cuts.flatMap((index, at) => {
    const left = values.slice(edges[at], index)
    const right = values.slice(index, edges[at + 2])
    const [before, after] = [meanOf(left), meanOf(right)]
    if (Math.abs(after / before - 1) < minChange) return []
    return [{ index, before, after, p: studentP(left, right) }]
  })
}

function splits(values: readonly number[], from: number, to: number, maxP: number): number[] {
  const cut = bestSplit(values.slice(from, to))
  if (cut === null) return []
  const place = from + cut
  if (studentP(values.slice(from, place), values.slice(place, to)) > maxP) return []
  return [...splits(values, from, place, maxP), place, ...splits(values, place, to, maxP)]
}

/** The split with the largest energy distance, weighted by m·n / (m + n); exponent 1. */
function bestSplit(values: readonly number[]): number | null {
  let best: number | null = null
  let largest = 0
  for (let cut = MIN_SIDE; cut <= values.length - MIN_SIDE; cut += 1) {
    const [left, right] = [values.slice(0, cut), values.slice(cut)]
    const distance =
      2 * meanDistance(left, right) - meanDistance(left, left) - meanDistance(right, right)
    const weighted = ((left.length * right.length) / values.length) * distance
    if (weighted > largest) {
      largest = weighted
      best = cut
    }
  }
  return best
}

/** Mean |a − b|; within one group each value's distance to itself is left out. */
function meanDistance(first: readonly number[], second: readonly number[]): number {
  let sum = 0
  for (const a of first) for (const b of second) sum += Math.abs(a - b)
  const pairs = first === second ? first.length * (first.length - 1) : first.length * second.length
  return sum / pairs
}

/** Welch's two-sided t-test; p of 0 where neither side varies but their levels differ. */
export function studentP(first: readonly number[], second: readonly number[]): number {
  const [left, right] = [first, second].map((side) => describe(Float64Array.from(side)))
  const [a, b] = [left!, right!].map(({ n, sd }) => (sd * sd) / (n - 1))
  const off = Math.abs(left!.mean - right!.mean)
  if (off === 0) return 1
  const spread = a! + b!
  if (spread === 0) return 0
  const freedom = spread ** 2 / (a! ** 2 / (left!.n - 1) + b! ** 2 / (right!.n - 1))
  const t2 = off ** 2 / spread
  return betaI(freedom / 2, 0.5, freedom / (freedom + t2))
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
