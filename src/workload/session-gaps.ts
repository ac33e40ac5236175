/** What `--speed` does to the pauses inside a session. Pure. */
import { NONE, type PlanColumns } from './plan.ts'

/** scale: like all else · keep: as recorded · asap: none, the next turn comes as the answer ends. */
export type SessionGaps = 'scale' | 'keep' | 'asap'

/**
 * @param recorded columns before the change of speed; parents stand before their children
 * @param dueUs n instants after it
 * @returns what moves: later turns counted from their parent, and the think time of each
 */
export function spaceTurns(
  recorded: PlanColumns,
  dueUs: Float64Array,
  speed: number,
  gaps: SessionGaps,
): Pick<PlanColumns, 'dueUs' | 'thinkUs'> {
  const { parent, thinkUs } = recorded
  if (!parent.some((row) => row !== NONE)) return { dueUs, thinkUs }
  if (gaps === 'scale') return { dueUs, thinkUs: thinkUs.map((gapUs) => gapUs / speed) }
  const moved = dueUs.slice()
  for (let row = 0; row < moved.length; row += 1) {
    const before = parent[row]!
    if (before === NONE || before >= row) continue
    const apartUs = recorded.dueUs[row]! - recorded.dueUs[before]!
    const thoughtUs = gaps === 'asap' ? Math.min(apartUs, thinkUs[row]!) : 0
    moved[row] = Math.round(moved[before]! + apartUs - thoughtUs)
  }
  return { dueUs: moved, thinkUs: gaps === 'asap' ? thinkUs.map(() => 0) : thinkUs }
}
