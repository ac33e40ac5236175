/** Keeps what was said first in a session first, after times have been moved. Pure. */
import { NONE, type PlanColumns } from './plan.ts'

/**
 * Rows stand in the order of the source. A row that moved before an earlier row of its session, or
 * before its parent, is put at that row's instant: as little later as sending order allows.
 *
 * @returns n due times, µs; the same array if nothing had to move
 */
export function keepSessionOrder(columns: PlanColumns, sessionCount: number): Float64Array {
  const { seq, session, parent } = columns
  const isBound = sessionCount > 0 || parent.some((row) => row !== NONE)
  if (!isBound) return columns.dueUs
  const dueUs = columns.dueUs.slice()
  const lastRow = new Uint32Array(sessionCount).fill(NONE)
  let movedCount = 0
  for (let row = 0; row < dueUs.length; row += 1) {
    const earliestUs = Math.max(
      after(dueUs, seq, session[row] === NONE ? NONE : lastRow[session[row]!]!, row),
      after(dueUs, seq, parent[row]!, row),
    )
    if (dueUs[row]! < earliestUs) {
      dueUs[row] = earliestUs
      movedCount += 1
    }
    if (session[row] !== NONE) lastRow[session[row]!] = row
  }
  return movedCount === 0 ? columns.dueUs : dueUs
}

/** Rows due at one instant are sent by seq, so a higher seq has to be outwaited by 1 µs. */
function after(dueUs: Float64Array, seq: Uint32Array, earlier: number, row: number): number {
  if (earlier === NONE || earlier >= row) return 0
  return dueUs[earlier]! + (seq[earlier]! > seq[row]! ? 1 : 0)
}
