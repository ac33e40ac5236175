/** Stretches and presses time so that the rate changes by a stated factor, exactly. Pure. */
import { breakpointsUs, driftFactor, type Drift } from './drift.ts'

/**
 * A factor over time: straight lines between knots, constant before the first and after the last.
 * Two knots at one instant are a jump. Factors are above 0.
 */
export type RateCurve = Readonly<{ atUs: Float64Array; factor: Float64Array }>

/** Where two changes overlap their product is bent; so many straight pieces follow it. */
const PIECES = 32

/** The product of all changes of the rate, from 0 to `spanUs`. */
export function driftCurve(drifts: readonly Drift[], spanUs: number): RateCurve {
  const points = drifts.flatMap((drift) => breakpointsUs(drift, spanUs))
  return curveOf((atUs) => product(drifts, atUs), points, drifts.length > 1 ? PIECES : 1)
}

function product(drifts: readonly Drift[], atUs: number): number {
  return drifts.reduce((factor, drift) => factor * driftFactor(drift, atUs), 1)
}

/** Half a µs to either side of an instant is where a jump has not happened yet, and has. */
const BESIDE_US = 0.5

function curveOf(
  factorAt: (atUs: number) => number,
  pointsUs: readonly number[],
  pieces: number,
): RateCurve {
  const bounds = [...new Set([0, ...pointsUs])].toSorted((a, b) => a - b)
  const atUs: number[] = [0]
  const factor: number[] = [factorAt(0)]
  for (let index = 1; index < bounds.length; index += 1) {
    const fromUs = bounds[index - 1]!
    const toUs = bounds[index]!
    for (let piece = 1; piece < pieces; piece += 1) {
      const pointUs = fromUs + ((toUs - fromUs) * piece) / pieces
      atUs.push(pointUs)
      factor.push(factorAt(pointUs))
    }
    atUs.push(toUs, toUs)
    factor.push(factorAt(toUs - BESIDE_US), factorAt(toUs))
  }
  return { atUs: Float64Array.from(atUs), factor: Float64Array.from(factor) }
}

/**
 * The clock sent as a function of the clock before: ∫ ds / factor(s). What came at rate r comes at
 * rate r × factor; order and counts stay.
 */
export function warpClock(curve: RateCurve): (atUs: number) => number {
  const { atUs, factor } = curve
  const sentUs = new Float64Array(atUs.length)
  for (let knot = 1; knot < atUs.length; knot += 1) {
    sentUs[knot] = sentUs[knot - 1]! + segmentUs(curve, knot - 1, atUs[knot]! - atUs[knot - 1]!)
  }
  let knot = 0
  return (instantUs) => {
    // Rows come nearly in order, so the last knot is where to look first.
    if (instantUs < atUs[knot]!) knot = 0
    while (knot + 1 < atUs.length && atUs[knot + 1]! <= instantUs) knot += 1
    const restUs = instantUs - atUs[knot]!
    const isLast = knot + 1 === atUs.length
    return sentUs[knot]! + (isLast ? restUs / factor[knot]! : segmentUs(curve, knot, restUs))
  }
}

/** ∫ over the first `lengthUs` of the segment that begins at `knot`, where the factor is a + bs. */
function segmentUs({ atUs, factor }: RateCurve, knot: number, lengthUs: number): number {
  const first = factor[knot]!
  const widthUs = atUs[knot + 1]! - atUs[knot]!
  if (widthUs === 0) return 0
  const slope = (factor[knot + 1]! - first) / widthUs
  const growth = (slope * lengthUs) / first
  return Math.abs(growth) < 1e-9 ? lengthUs / first : Math.log1p(growth) / slope
}

/** @returns n due times, µs, rounded */
export function warp(dueUs: Float64Array, clock: (atUs: number) => number): Float64Array {
  return dueUs.map((atUs) => Math.round(clock(atUs)))
}
