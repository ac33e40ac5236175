/** Several runs of A against several of B: each number's change, and what the gates decide. Pure. */
import { EXIT } from '../base/errors.ts'
import { holm } from '../stats/rank-test.ts'
import { type Gate, judgeGate, type Judgement, shiftOf } from './gate.ts'
import { parseQuantity, type Quantity, quantityName, valueOf } from './quantity.ts'
import type { Report } from './report.ts'
import { loadDifferences } from './same-load.ts'

export const COMPARISON_VERSION = 1

export type ComparedNumber = Readonly<{
  name: string
  a: readonly (number | null)[]
  b: readonly (number | null)[]
  /** Hodges–Lehmann on logarithms; relative. null where a run lacks the number. */
  change: number | null
  low: number | null
  high: number | null
  p: number | null
}>

export type GateResult = Readonly<{ gate: string } & (Judgement | UnjudgedGate)>
type UnjudgedGate = Readonly<{ decision: 'inconclusive'; reason: string }>

export type Comparison = Readonly<{
  schema_version: number
  runs: Readonly<{ a: number; b: number }>
  paired: boolean
  /** One run a side says nothing about how runs differ. */
  within_runs_only: boolean
  verdicts: Readonly<{ a: readonly string[]; b: readonly string[] }>
  /** Runs that are INVALID. */
  invalid: readonly string[]
  same_server: boolean | null
  /** In what replays got another load than each other; gates then decide nothing. */
  load_differences: readonly string[]
  numbers: readonly ComparedNumber[]
  gates: readonly GateResult[]
  exit_code: number
}>

const SHOWN = [
  'ttft.p50',
  'ttft.p95',
  'ttft.p99',
  'itl.p50',
  'itl.p99',
  'tpot.p50',
  'e2e.p50',
  'e2e.p99',
  'error_rate',
  'completed',
  'output_tokens',
]

/**
 * @param options.paired the k-th runs of both sides sent the same: pairs are compared, not groups
 * @param options.names of the runs, A's first; a1, a2, … b1, … unless given
 */
export function compareRuns(
  a: readonly Report[],
  b: readonly Report[],
  gates: readonly Gate[],
  options: Readonly<{ paired?: boolean; names?: readonly string[] }> = {},
): Comparison {
  const { paired = false, names = [...numbered('a', a), ...numbered('b', b)] } = options
  const runs = [...a, ...b].map((report, index) => ({ name: names[index]!, report }))
  const invalid = runs.filter(({ report }) => report.verdict.status === 'INVALID')
  const differences = loadDifferences(runs)
  const results = differences.length > 0 ? undecided(gates) : judgeAll(a, b, gates, paired)
  return {
    schema_version: COMPARISON_VERSION,
    runs: { a: a.length, b: b.length },
    paired,
    within_runs_only: a.length < 2 || b.length < 2,
    verdicts: { a: a.map(statusOf), b: b.map(statusOf) },
    invalid: invalid.map(({ name }) => name),
    load_differences: differences,
    same_server: sameServer([...a, ...b]),
    numbers: SHOWN.map((name) => comparedNumber(parseQuantity('--gate', name), a, b, paired)),
    gates: results,
    exit_code: invalid.length > 0 ? EXIT.invalid : exitCodeOf(results),
  }
}

function numbered(side: string, reports: readonly Report[]): string[] {
  return reports.map((_, index) => `${side}${index + 1}`)
}

function undecided(gates: readonly Gate[]): GateResult[] {
  const reason = 'the runs did not get the same load'
  return gates.map(({ text }) => ({ gate: text, decision: 'inconclusive', reason }))
}

function comparedNumber(
  quantity: Quantity,
  a: readonly Report[],
  b: readonly Report[],
  paired: boolean,
): ComparedNumber {
  const [left, right] = [a, b].map((side) => side.map(({ side: each }) => valueOf(each, quantity)))
  const [first, second] = [left!, right!].map(logs)
  const base = { name: quantityName(quantity), a: left!, b: right! }
  if (!first || !second) return { ...base, change: null, low: null, high: null, p: null }
  const { shift, interval, p } = shiftOf(first, second, 0.95, paired)
  return {
    ...base,
    change: Math.expm1(shift),
    low: interval && Math.expm1(interval.low),
    high: interval && Math.expm1(interval.high),
    p,
  }
}

/** null where a run has no such number, or one that is not above 0. */
function logs(values: readonly (number | null)[]): number[] | null {
  const all = values.flatMap((value) => (value !== null && value > 0 ? [Math.log(value)] : []))
  return all.length === values.length && all.length > 0 ? all : null
}

/** All gates together hold one level: intervals by Bonferroni's share of it, p-values by Holm's order. */
function judgeAll(
  a: readonly Report[],
  b: readonly Report[],
  gates: readonly Gate[],
  paired: boolean,
): GateResult[] {
  const sides = gates.map(({ quantity }) =>
    [a, b].map((side) => side.map(({ side: each }) => valueOf(each, quantity))),
  )
  const level = 1 - 0.05 / Math.max(1, gates.length)
  const judged = gates.map((gate, index): GateResult => {
    const [left, right] = sides[index]!
    if (!logs(left!) || !logs(right!)) {
      return { gate: gate.text, decision: 'inconclusive', reason: 'a run lacks this number' }
    }
    return {
      gate: gate.text,
      ...judgeGate(gate, left as number[], right as number[], { level, paired }),
    }
  })
  const corrected = holm(judged.map((result) => ('p' in result ? result.p : 1)))
  return judged.map((result, index) =>
    'p' in result ? { ...result, p: corrected[index]! } : result,
  )
}

function exitCodeOf(results: readonly GateResult[]): number {
  if (results.some(({ decision }) => decision === 'regression')) return EXIT.threshold
  return results.some(({ decision }) => decision === 'inconclusive') ? EXIT.inconclusive : EXIT.pass
}

function statusOf({ verdict }: Report): string {
  return verdict.status
}

/** Equal fingerprints of both sides: then the same server was compared with itself. */
function sameServer(reports: readonly Report[]): boolean | null {
  const prints = reports.map(({ run }) => run.server.fingerprint)
  if (prints.some((print) => print === null)) return null
  return new Set(prints).size === 1
}
