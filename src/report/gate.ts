/** 'ttft.p99<+10%' as a decision: regression, pass, or too few runs to tell. Pure. */
import { TraceError } from '../base/errors.ts'
import { HIGHER_IS_BETTER, parseQuantity, type Quantity } from './quantity.ts'
import { hodgesLehmann, mannWhitneyP, type Shift } from '../stats/rank-test.ts'
import { fewestPairs, pairedShift, signedRankP } from '../stats/signed-rank.ts'
import type { Interval } from '../stats/interval.ts'
import { describe } from '../stats/moments.ts'

export type Gate = Readonly<{
  text: string
  quantity: Quantity
  /** Largest relative change for the worse that passes: 0.1 is 10 %. */
  tolerance: number
  /** For rates of work a fall is the worse side. */
  worseIsLower: boolean
}>

/** 'NAME<+10%' for what should not rise, 'NAME>-5%' for what should not fall. */
export function parseGate(text: string): Gate {
  const found = /^([\w.]+)\s*(<|>)\s*([+-])(\d+(?:\.\d+)?)%$/.exec(text.replaceAll('−', '-'))
  const [, name = '', sign = '', direction = '', digits = ''] = found ?? []
  const worseIsLower = sign === '>'
  if (!found || (direction === '-') !== worseIsLower) {
    throw new TraceError(
      'BAD_OPTION',
      `--gate wants a change such as 'ttft.p99<+10%', got '${text}'`,
      {
        hint: "For more-is-better numbers: 'output_tokens>-5%'.",
      },
    )
  }
  const quantity = parseQuantity('--gate', name)
  const isRate = quantity.kind === 'rate' && HIGHER_IS_BETTER.has(quantity.name)
  if (isRate !== worseIsLower) {
    throw new TraceError(
      'BAD_OPTION',
      `--gate '${text}': ${name} is better when it is ${isRate ? 'higher' : 'lower'}`,
    )
  }
  return { text, quantity, tolerance: Number(digits) / 100, worseIsLower }
}

export type Decision = 'regression' | 'pass' | 'inconclusive'

export type Judgement = Readonly<{
  decision: Decision
  /** Relative change B over A: 0.06 is 6 % more. */
  change: number
  /** null: too few runs for an interval. */
  low: number | null
  high: number | null
  p: number
  /** Runs a side that would decide, if runs go on differing as these do; null where decided. */
  runsToDecide: number | null
}>

/** More runs than this are no advice. */
const MOST_RUNS = 1_000

/**
 * @param first one positive value for each run of A
 * @param second the same for B
 * @param options.level of the interval: 1 − 0.05/k for k gates together
 * @param options.paired the k-th runs of both sides sent the same: pairs are compared, not groups
 */
export function judgeGate(
  gate: Pick<Gate, 'tolerance' | 'worseIsLower'>,
  first: readonly number[],
  second: readonly number[],
  options: Readonly<{ level?: number; paired?: boolean }> = {},
): Judgement {
  const { level = 0.95, paired = false } = options
  const [left, right] = [first, second].map((side) => side.map((value) => Math.log(value)))
  const { shift, interval, p } = shiftOf(left!, right!, level, paired)
  const limit = gate.worseIsLower ? Math.log(1 - gate.tolerance) : Math.log(1 + gate.tolerance)
  const low = interval ? Math.expm1(interval.low) : null
  const high = interval ? Math.expm1(interval.high) : null
  const decision = decide(gate.worseIsLower, interval, limit)
  return {
    decision,
    change: Math.expm1(shift),
    low,
    high,
    p,
    runsToDecide:
      decision !== 'inconclusive'
        ? null
        : paired
          ? pairsNeeded(left!, right!, Math.abs(limit - shift), level)
          : runsNeeded(left!, right!, Math.abs(limit - shift)),
  }
}

/** The whole interval on one side of the limit decides; an interval that holds it does not. */
function decide(worseIsLower: boolean, interval: Interval | null, limit: number): Decision {
  if (interval === null) return 'inconclusive'
  const isAbove = interval.low > limit
  const isBelow = interval.high < limit
  if (!isAbove && !isBelow) return 'inconclusive'
  return isAbove === worseIsLower ? 'pass' : 'regression'
}

/** Of values that may simply be subtracted. Pairs that hold a NaN must not come here. */
export function shiftOf(
  first: readonly number[],
  second: readonly number[],
  level: number,
  paired: boolean,
): Shift & Readonly<{ p: number }> {
  if (!paired) {
    return { ...hodgesLehmann(first, second, level), p: mannWhitneyP(first, second) }
  }
  const differences = second.map((value, pair) => value - first[pair]!)
  return { ...pairedShift(differences, level), p: signedRankP(differences) }
}

/** Runs a side for which the interval's half width is likely to be below the distance to the limit. */
function runsNeeded(left: readonly number[], right: readonly number[], distance: number): number {
  const n = Math.min(left.length, right.length)
  const spread = n < 2 ? UNKNOWN_VARIANCE : (variance(left) + variance(right)) / 2
  return atLeast(Math.max(n + 1, 4), 2 * spread, distance)
}

/** The same for pairs: what both runs of a pair share, such as drift, leaves no spread behind. */
function pairsNeeded(
  left: readonly number[],
  right: readonly number[],
  distance: number,
  level: number,
): number {
  const differences = right.map((value, pair) => value - left[pair]!)
  const n = differences.length
  const spread = n < 2 ? 2 * UNKNOWN_VARIANCE : variance(differences)
  return atLeast(Math.max(n + 1, fewestPairs(1 - level)), spread, distance)
}

/** Of the logarithm, where a single run tells none: runs that differ by 5 %. */
const UNKNOWN_VARIANCE = 0.05 ** 2

/** Two-sided 95 % with 80 % power, and the rank tests' efficiency of 3/π against the t-test. */
function atLeast(fewest: number, spread: number, distance: number): number {
  const needed = (spread * (1.96 + 0.84) ** 2 * (Math.PI / 3)) / Math.max(distance, 1e-9) ** 2
  return Math.min(MOST_RUNS, Math.max(fewest, Math.ceil(needed)))
}

/** Sample variance, divided by n − 1. */
function variance(values: readonly number[]): number {
  return (
    describe(Float64Array.from(values)).sd ** 2 * (values.length / Math.max(1, values.length - 1))
  )
}
