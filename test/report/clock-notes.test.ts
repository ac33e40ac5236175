import { expect, test } from 'vitest'
import { clockNotes } from '../../src/report/clock-notes.ts'

function clock(offset: Readonly<{ offsetUs: number; errorUs: number }> | null) {
  const detail = JSON.stringify({ by: 'date of the first target', ...offset })
  return { atUs: 0, kind: 'clock', detail }
}

test('machines of one run are said to be as far apart as their offsets, with the two largest errors', () => {
  const events = [
    clock({ offsetUs: 2_000, errorUs: 24_000 }),
    { atUs: 5, kind: 'mark', detail: '{"text":"deploy"}' },
    clock({ offsetUs: -30_000, errorUs: 22_000 }),
    clock({ offsetUs: 500, errorUs: 90_000 }),
  ]
  expect(clockNotes(events)).toEqual([
    'sent by 3 machines, whose clocks lie 32 ms apart, give or take 114 ms: ' +
      'instants across them are no better known, durations are',
  ])
})

test('a machine whose clock nobody could compare makes the whole unknown', () => {
  const [note] = clockNotes([clock({ offsetUs: 0, errorUs: 1 }), clock(null)])
  expect(note).toContain('not all compared')
})

test('a run that one machine sent needs no other clock', () => {
  expect(clockNotes([clock({ offsetUs: 9, errorUs: 1 })])).toEqual([])
  expect(clockNotes([])).toEqual([])
})
