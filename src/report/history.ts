/** One number over many runs: where its level changed. Pure. */
import { changePoints, type ChangePoint } from '../stats/change-point.ts'
import { quantityName, type Quantity, valueOf } from './quantity.ts'
import type { Report } from './report.ts'

export const HISTORY_VERSION = 1

export type HistoryRun = Readonly<{ name: string; at_us: number | null; report: Report }>

export type History = Readonly<{
  schema_version: number
  runs: readonly Readonly<{ name: string; verdict: string; plan_sha256: string | null }>[]
  /** Runs that measured nothing believable, or that sent another plan, are listed but not counted. */
  left_out: readonly Readonly<{ name: string; reason: string }>[]
  numbers: readonly Readonly<{
    name: string
    values: readonly (number | null)[]
    changes: readonly (ChangePoint & Readonly<{ run: string; change: number }>)[]
  }>[]
}>

/** @param runs in order of time */
export function historyOf(
  runs: readonly HistoryRun[],
  quantities: readonly Quantity[],
  options: Readonly<{ maxP: number; minChange: number }>,
): History {
  const plans = new Map<string | null, number>()
  for (const { report } of runs) {
    plans.set(report.run.plan_sha256, (plans.get(report.run.plan_sha256) ?? 0) + 1)
  }
  const [usual] = [...plans].toSorted(([, m], [, n]) => n - m)[0] ?? [null]
  const leftOut = runs.flatMap(({ name, report }) => {
    if (report.verdict.status === 'INVALID') return [{ name, reason: 'INVALID' }]
    return report.run.plan_sha256 === usual ? [] : [{ name, reason: 'another plan than most' }]
  })
  const kept = runs.filter(({ name }) => !leftOut.some((each) => each.name === name))
  return {
    schema_version: HISTORY_VERSION,
    runs: kept.map(({ name, report }) => ({
      name,
      verdict: report.verdict.status,
      plan_sha256: report.run.plan_sha256,
    })),
    left_out: leftOut,
    numbers: quantities.map((quantity) => numberHistory(kept, quantity, options)),
  }
}

function numberHistory(
  runs: readonly HistoryRun[],
  quantity: Quantity,
  { maxP, minChange }: Readonly<{ maxP: number; minChange: number }>,
): History['numbers'][number] {
  const values = runs.map(({ report }) => valueOf(report.side, quantity))
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, index }]))
  const found = changePoints(
    known.map(({ value }) => value),
    maxP,
    minChange,
  )
  return {
    name: quantityName(quantity),
    values,
    changes: found.map((point) => {
      const { index } = known[point.index]!
      return { ...point, index, run: runs[index]!.name, change: point.after / point.before - 1 }
    }),
  }
}
