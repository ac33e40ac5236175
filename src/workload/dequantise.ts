/** Spreads times that were rounded down to a coarse clock. Pure. */
import type { Draw } from '../base/random.ts'
import { quantumUs } from '../stats/arrivals.ts'
import type { PlanColumns } from './plan.ts'

/** Fewer distinct instants than this can be multiples of something by chance. */
const FEWEST_INSTANTS = 10
/** Finer steps are how clocks are written, and too short to matter to a server. */
const SMALLEST_QUANTUM_US = 1_001

/**
 * The step that all instants are whole multiples of, if it is coarse enough to distort bursts: some
 * requests then share an instant. A steady beat is a multiple of its step too, but shares none.
 *
 * @param dueUs ascending
 * @returns µs, or null
 */
export function coarseQuantumUs(dueUs: Float64Array): number | null {
  const stepUs = quantumUs(dueUs)
  if (stepUs < SMALLEST_QUANTUM_US) return null
  let distinct = Math.min(1, dueUs.length)
  for (let row = 1; row < dueUs.length; row += 1) {
    if (dueUs[row] !== dueUs[row - 1]) distinct += 1
  }
  return distinct >= FEWEST_INSTANTS && distinct < dueUs.length ? stepUs : null
}

/** Each instant moves to a uniformly drawn place inside its quantum, later than it was. */
export function spread(
  { dueUs, seq, copy }: Pick<PlanColumns, 'dueUs' | 'seq' | 'copy'>,
  stepUs: number,
  draw: Draw,
): Float64Array {
  return dueUs.map((atUs, row) => atUs + Math.floor(draw(seq[row]!, copy[row]) * stepUs))
}
