/** What the machines of one run know of each other's clocks. Pure. */
import { formatDuration } from '../base/format.ts'
import type { EventRow } from '../trace/columns.ts'
import { plural } from './words.ts'

/** As the replayer tells it: its clock against the target's; null where that told no time. */
type ClockDetail = Readonly<{ offsetUs?: number; errorUs?: number }>

/**
 * How far apart the clocks of a run's machines may be. Each has compared its own with the target's, so
 * that two of them lie apart by the difference of their offsets, give or take both errors together:
 * the widest such statement is made.
 *
 * @returns nothing for a run that one machine sent
 */
export function clockNotes(events: readonly EventRow[]): string[] {
  const clocks = events
    .filter(({ kind }) => kind === 'clock')
    .map(({ detail }) => JSON.parse(detail ?? '{}') as ClockDetail)
  if (clocks.length < 2) return []
  const machines = `sent by ${plural(clocks.length, 'machine')}`
  const known = clocks.flatMap(({ offsetUs, errorUs }) =>
    offsetUs === undefined || errorUs === undefined ? [] : [{ offsetUs, errorUs }],
  )
  if (known.length < clocks.length) {
    return [`${machines}, whose clocks were not all compared: instants across them are as told`]
  }
  const offsetsUs = known.map(({ offsetUs }) => offsetUs)
  const [worst = 0, next = 0] = known.map(({ errorUs: us }) => us).toSorted((a, b) => b - a)
  const apartUs = Math.max(...offsetsUs) - Math.min(...offsetsUs)
  return [
    `${machines}, whose clocks lie ${formatDuration(apartUs)} apart, give or take ` +
      `${formatDuration(worst + next)}: instants across them are no better known, durations are`,
  ]
}
