/** Looks for drift inside a trace, or between two: in the rate, the lengths, what is shared, who hangs up, who sends what. */
import type { TraceReader } from '../trace/trace.ts'
import { changePoints, isChange, shiftBetween, type Shift } from './drift-scan.ts'
import { gridOf, readDriftRows, signalsOf } from './drift-signals.ts'

export type DriftFinding = Shift &
  Readonly<{
    /** Name of the signal. */
    signal: string
    /** Instant of the change since the origin; null between two traces. */
    atUs: number | null
    isDrift: boolean
  }>

/** Changes inside one trace, in the order of time. */
export async function driftWithin(reader: TraceReader): Promise<DriftFinding[]> {
  const rows = await readDriftRows(reader)
  return signalsOf(rows, gridOf([rows]))
    .flatMap(({ name, values, atUs }) =>
      changePoints(values).map(({ index, ...shift }) => ({
        ...shift,
        signal: name,
        atUs: atUs[index]!,
        isDrift: true,
      })),
    )
    .toSorted((a, b) => a.atUs - b.atUs)
}

/** All signals of two traces compared, whether they drifted or not. */
export async function driftBetween(
  first: TraceReader,
  second: TraceReader,
): Promise<DriftFinding[]> {
  const before = await readDriftRows(first)
  const after = await readDriftRows(second)
  const grid = gridOf([before, after])
  const others = signalsOf(after, grid)
  return signalsOf(before, grid).flatMap(({ name, values }, index) => {
    const other = others[index]!.values
    if (values.length === 0 || other.length === 0) return []
    const shift = shiftBetween(values, other)
    return [{ ...shift, signal: name, atUs: null, isDrift: isChange(shift) }]
  })
}
