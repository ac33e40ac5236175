/** Finds where a series of values stops being like what came before. Pure. */
import { autocorrelation } from '../stats/arrivals.ts'
import { ksDistance, populationStability, wasserstein } from '../stats/distance.ts'
import { describe } from '../stats/moments.ts'

/** How far apart the values on the two sides of a place, or of two traces, are. */
export type Shift = Readonly<{
  /** Kolmogorov–Smirnov distance, 0 to 1. */
  ks: number
  /** Population stability index over ten bins of the first side; above 0.25 has moved. */
  psi: number
  /** First Wasserstein distance over the standard deviation of the first side. */
  wasserstein: number
  /** Means of both sides. */
  before: number
  after: number
  /** Probability of such a distance where nothing changes, corrected for memory and for the search. */
  p: number
}>

export type ChangePoint = Shift & Readonly<{ index: number }>

/** Below it a change is called one. */
const ALPHA = 0.01
/** Above it a change is large enough to speak of, whatever its probability. */
const LEAST_PSI = 0.1
const PSI_BINS = 10
const CANDIDATES = 39
/** A side with fewer values says nothing. */
const FEWEST_VALUES = 40
/** Values of a signal without which no place of it can be told to have changed. */
export const FEWEST_SEARCHED = 2 * FEWEST_VALUES
/** Changes of changes of changes are enough. */
const MAX_DEPTH = 3

/** Both sides compared once. */
export function shiftBetween(first: Float64Array, second: Float64Array, searches = 1): Shift {
  const ks = ksDistance(first, second)
  const memory = Math.max(memoryOf(first), memoryOf(second))
  const free = (first.length * second.length) / (first.length + second.length) / memory
  const { sd, mean } = describe(first)
  return {
    ks,
    psi: psiOf(first, second),
    wasserstein: sd === 0 ? Number.NaN : wasserstein(first, second) / sd,
    before: mean,
    after: describe(second).mean,
    // Two-sided bound of Dvoretzky, Kiefer and Wolfowitz, for as many looks as were taken.
    p: Math.min(1, 2 * searches * Math.exp(-2 * free * ks * ks)),
  }
}

/** Without the part that two samples of one law differ by: (bins − 1)·(1/n + 1/m). */
function psiOf(first: Float64Array, second: Float64Array): number {
  const chance = (PSI_BINS - 1) * (1 / first.length + 1 / second.length)
  return Math.max(0, populationStability(first, second) - chance)
}

/** True if a change is both unlikely by chance and large enough to speak of. */
export function isChange({ p, psi }: Shift): boolean {
  return p < ALPHA && psi >= LEAST_PSI
}

/**
 * Places where a series changes: the best one, then the best on each side of it, and so on.
 *
 * @returns ascending indices of the first value after each change
 */
export function changePoints(values: Float64Array, depth = 0, offset = 0): ChangePoint[] {
  const best = bestSplit(values)
  if (best === null || !isChange(best)) return []
  const found = { ...best, index: best.index + offset }
  if (depth + 1 === MAX_DEPTH) return [found]
  return [
    ...changePoints(values.subarray(0, best.index), depth + 1, offset),
    found,
    ...changePoints(values.subarray(best.index), depth + 1, offset + best.index),
  ]
}

function bestSplit(values: Float64Array): ChangePoint | null {
  let best = -1
  let largest = 0
  for (let candidate = 1; candidate <= CANDIDATES; candidate += 1) {
    const index = Math.round((values.length * candidate) / (CANDIDATES + 1))
    const rest = values.length - index
    if (Math.min(index, rest) < FEWEST_VALUES) continue
    const ks = ksDistance(values.subarray(0, index), values.subarray(index))
    const weighted = ks * Math.sqrt((index * rest) / values.length)
    if (weighted <= largest) continue
    largest = weighted
    best = index
  }
  if (best < 0) return null
  const shift = shiftBetween(values.subarray(0, best), values.subarray(best), CANDIDATES)
  return { index: best, ...shift }
}

const FREE_CORRELATION = 0.05

/** Integrated autocorrelation: so many values in a row count as one. At least 1. */
function memoryOf(values: Float64Array): number {
  let memory = 1
  for (let lag = 1; lag < values.length / 4; lag += 1) {
    const correlation = autocorrelation(values, lag)
    if (!(correlation > FREE_CORRELATION)) break
    memory += 2 * correlation
  }
  return memory
}
