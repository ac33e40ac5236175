import { describe, expect, test } from 'vitest'
import {
  HALF_CLOSED_US,
  newWaiting,
  patienceOver,
  REFUSED_LINGER_US,
  UNDRAINED_US,
  type Waiting,
} from '../../src/record/patience.ts'

const NONE = { silentUs: 1_000_000, connectUs: 10_000_000, idleUs: 0, totalUs: 0 }
const DAY_US = 86_400_000_000
const OPENED_US = 5_000_000

function after(us: number, state: Partial<Waiting>, limits: Partial<typeof NONE> = {}) {
  const waiting = { ...newWaiting(OPENED_US), ...state }
  return patienceOver(waiting, OPENED_US + us, { ...NONE, ...limits })
}

const asked = { dialledAtUs: OPENED_US + 10, isConnected: true, movedAtUs: OPENED_US + 10 }

describe('a client that says nothing', () => {
  test('has its server reached after a moment, in case that speaks first', () => {
    expect(after(1_000_000, {})).toBe('wait')
    expect(after(1_000_001, {})).toBe('dial')
  })

  test('never has it reached where that was asked for', () => {
    expect(after(DAY_US, {}, { silentUs: 0 })).toBe('wait')
  })
})

test('a first token may take a day, unless an option says otherwise', () => {
  expect(after(DAY_US, asked)).toBe('wait')
  expect(after(60_000_011, asked, { idleUs: 60_000_000 })).toBe('time-out')
  expect(after(60_000_009, asked, { idleUs: 60_000_000 })).toBe('wait')
  expect(after(60_000_001, { ...asked, movedAtUs: OPENED_US + 60_000_000 })).toBe('wait')
  const busy = { ...asked, movedAtUs: OPENED_US + 60_000_000 }
  expect(after(60_000_001, busy, { idleUs: 1_000, totalUs: 60_000_000 })).toBe('time-out')
})

test('a server that does not accept is given up', () => {
  const dialling = { dialledAtUs: OPENED_US + 10 }
  expect(after(10_000_010, dialling)).toBe('wait')
  expect(after(10_000_011, dialling)).toBe('give-up')
})

test('after a refusal the rest of the request is taken for a moment', () => {
  const refused = { dialledAtUs: OPENED_US, refusedAtUs: OPENED_US + 10 }
  expect(after(REFUSED_LINGER_US + 10, refused)).toBe('wait')
  expect(after(REFUSED_LINGER_US + 11, refused)).toBe('leave')
})

test('once the server has ended, a client that takes what is left is waited for', () => {
  const ended = { ...asked, upstreamEndedAtUs: OPENED_US + 20, movedAtUs: OPENED_US + 20 }
  expect(after(HALF_CLOSED_US + 20, ended)).toBe('wait')
  // Nothing is left here, and what the system holds it delivers without us.
  expect(after(HALF_CLOSED_US + 21, ended)).toBe('leave')
  expect(after(HALF_CLOSED_US + 21, { ...ended, unsentBytes: 1 })).toBe('wait')
  expect(after(UNDRAINED_US + 21, { ...ended, unsentBytes: 1 })).toBe('cut')
  const taking = { ...ended, unsentBytes: 1, movedAtUs: OPENED_US + UNDRAINED_US }
  expect(after(UNDRAINED_US * 2, taking)).toBe('wait')
})
