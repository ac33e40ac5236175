/** What the machines of one run know of each other's clocks. Pure. */
import { formatDuration, plural } from '../base/format.ts'
import type { EventRow } from '../trace/columns.ts'
import { jsonObject, numberIn } from '../trace/json-column.ts'

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
    .map(({ detail }) => jsonObject(detail, 'event.detail'))
  if (clocks.length < 2) return []
  const machines = `sent by ${plural(clocks.length, 'machine')}`
  const known = clocks.flatMap((clock) => {
    const [offsetUs, errorUs] = [numberIn(clock, 'offsetUs'), numberIn(clock, 'errorUs')]
    return offsetUs === null || errorUs === null ? [] : [{ offsetUs, errorUs }]
  })
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
