/** Blurs due times, so that repeated replays do not meet the same batching phase. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseDurationUs } from '../base/parse.ts'
import type { Draw } from '../base/random.ts'
import type { PlanColumns } from './plan.ts'

/**
 * uniform: within ± width · normal: width is the standard deviation · exponential: width is the mean,
 * and times only get later.
 */
export type Jitter = Readonly<{ widthUs: number; shape: 'uniform' | 'normal' | 'exponential' }>

/** '20ms', '20ms:normal'. */
export function parseJitter(flag: string, text: string): Jitter {
  const [width = '', shape = 'uniform', more] = text.split(':')
  if (more !== undefined)
    throw new TraceError('BAD_OPTION', `${flag} wants 20ms:normal, got '${text}'`)
  return {
    widthUs: parseDurationUs(flag, width),
    shape: parseChoice(flag, shape, ['uniform', 'normal', 'exponential']),
  }
}

/**
 * Shifts each due time by a random amount that depends on (seed, seq, copy) only.
 *
 * @returns n due times, µs, none below 0, in the rows' order; a width of 0 changes no bit
 */
export function shake(
  { dueUs, seq, copy }: Pick<PlanColumns, 'dueUs' | 'seq' | 'copy'>,
  { widthUs, shape }: Jitter,
  draw: Draw,
): Float64Array {
  if (widthUs === 0) return dueUs
  const offset = OFFSETS[shape]
  return dueUs.map((atUs, row) =>
    Math.max(0, Math.round(atUs + widthUs * offset(draw, seq[row]!, copy[row]!))),
  )
}

type Offset = (draw: Draw, seq: number, copy: number) => number

const OFFSETS: Readonly<Record<Jitter['shape'], Offset>> = {
  uniform: (draw, seq, copy) => 2 * draw(seq, copy) - 1,
  normal: (draw, seq, copy) =>
    // Box and Muller: two draws a row and no state, so that rows do not depend on each other.
    Math.sqrt(-2 * Math.log(1 - draw(seq, copy, 0))) * Math.cos(2 * Math.PI * draw(seq, copy, 1)),
  exponential: (draw, seq, copy) => -Math.log(1 - draw(seq, copy)),
}
