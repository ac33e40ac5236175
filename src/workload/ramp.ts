/** A rate that follows a stated curve on the clock sent: a ramp, steps, or a file. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs, parseFactor } from '../base/parse.ts'
import type { RateCurve } from './rate-warp.ts'

/** '1x..4x over 10m': a straight line from the start, then it stays. */
export function parseRamp(flag: string, text: string): RateCurve {
  const [, from = '', to = '', over = ''] = /^(\S+?)\.\.(\S+) over (\S+)$/.exec(text) ?? []
  if (over === '') throw bad(flag, `wants '1x..4x over 10m', got '${text}'`)
  const overUs = parseDurationUs(flag, over)
  if (overUs === 0) throw bad(flag, "wants 'over' above 0")
  return {
    atUs: Float64Array.of(0, overUs),
    factor: Float64Array.of(parseFactor(flag, from), parseFactor(flag, to)),
  }
}

/** '1x,2x,4x every 5m': each for so long, the last one to the end. */
export function parseRateSteps(flag: string, text: string): RateCurve {
  const [, list = '', every = ''] = /^(\S+) every (\S+)$/.exec(text) ?? []
  if (every === '') throw bad(flag, `wants '1x,2x,4x every 5m', got '${text}'`)
  const everyUs = parseDurationUs(flag, every)
  if (everyUs === 0) throw bad(flag, "wants 'every' above 0")
  const factors = list.split(',').map((factor) => parseFactor(flag, factor))
  return {
    atUs: Float64Array.from(factors.flatMap((_, step) => [step * everyUs, (step + 1) * everyUs])),
    factor: Float64Array.from(factors.flatMap((factor) => [factor, factor])),
  }
}

/**
 * CSV with the head `at_s,factor`: seconds from the start, ascending, and a factor above 0; straight
 * lines between. Two lines of one instant are a jump.
 */
export function parseRateCurve(flag: string, text: string): RateCurve {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines[0]?.replaceAll(' ', '') !== 'at_s,factor')
    throw bad(flag, "wants the head 'at_s,factor'")
  const rows = lines.slice(1).map((line) => line.split(',').map(Number))
  const isGood = rows.every(
    ([atSec = Number.NaN, factor = Number.NaN, ...more], index) =>
      more.length === 0 && factor > 0 && atSec >= (rows[index - 1]?.[0] ?? 0),
  )
  if (!isGood || rows.length === 0) {
    throw bad(flag, 'wants ascending seconds and factors above 0 in each line')
  }
  return {
    atUs: Float64Array.from(rows, ([atSec = 0]) => atSec * 1e6),
    factor: Float64Array.from(rows, ([, factor = 1]) => factor),
  }
}

function bad(flag: string, message: string): TraceError {
  return new TraceError('BAD_OPTION', `${flag} ${message}`)
}

/**
 * The clock sent as a function of the clock before, where the factor is stated on the clock sent:
 * the inverse of ∫ factor(s) ds. Constant before the first knot and after the last.
 */
export function rampClock({ atUs, factor }: RateCurve): (instantUs: number) => number {
  const before = new Float64Array(atUs.length)
  before[0] = (atUs[0] ?? 0) * (factor[0] ?? 1)
  for (let knot = 1; knot < atUs.length; knot += 1) {
    const meanFactor = (factor[knot]! + factor[knot - 1]!) / 2
    before[knot] = before[knot - 1]! + meanFactor * (atUs[knot]! - atUs[knot - 1]!)
  }
  let knot = 0
  return (instantUs) => {
    if (instantUs < before[0]!) return instantUs / factor[0]!
    if (instantUs < before[knot]!) knot = 0
    while (knot + 1 < atUs.length && before[knot + 1]! <= instantUs) knot += 1
    const restUs = instantUs - before[knot]!
    const widthUs = (atUs[knot + 1] ?? Infinity) - atUs[knot]!
    const slope = widthUs === Infinity ? 0 : (factor[knot + 1]! - factor[knot]!) / widthUs
    // The root of slope/2·u² + factor·u = rest that does not cancel for small slopes.
    const root = Math.sqrt(factor[knot]! ** 2 + 2 * slope * restUs)
    return atUs[knot]! + (2 * restUs) / (factor[knot]! + root)
  }
}
