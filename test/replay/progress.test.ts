import { expect, test } from 'vitest'
import { fidelityText } from '../../src/replay/fidelity-text.ts'
import { newFidelity } from '../../src/replay/fidelity.ts'
import { dueCount, progressBar, progressLine } from '../../src/replay/progress.ts'

const PROGRESS = {
  planned: 10_543,
  due: 8_013,
  sent: 8_013,
  inFlight: 118,
  hungUp: 0,
  dropped: 0,
  cut: 0,
  errors: 4,
  lagUs: 200,
  done: 7_891,
  elapsedUs: 3_723_000_000,
}

test('the live line shows what is due, sent, in flight, wrong and late', () => {
  const clauses = 'due 8,013 · sent 8,013 · 118 in flight · 4 errors · lag p99 0.2 ms'
  expect(progressLine(PROGRESS)).toBe(`01:02:03   74 %  ${clauses}`)
  expect(progressBar(PROGRESS, 120)).toBe(`${'█'.repeat(19)}${'░'.repeat(7)}  74 %  ${clauses}`)
})

test('the bar shrinks before a word is cut, and whole clauses go before that', () => {
  const busy = { ...PROGRESS, hungUp: 1_200, dropped: 31, cut: 7 }
  for (let columns = 30; columns <= 130; columns += 1) {
    const line = progressBar(busy, columns)
    expect(line.length).toBeLessThanOrEqual(columns)
    expect(progressLine(busy)).toContain(line.slice(line.indexOf('due')))
  }
  expect(progressBar(PROGRESS, 80)).toBe(
    '█████████░░░░  74 %  due 8,013 · sent 8,013 · 118 in flight · 4 errors'.replace(
      '█████████░░░░',
      '█'.repeat(17) + '░'.repeat(6),
    ),
  )
})

test('what is due is counted up to and including its instant', () => {
  const dueUs = Float64Array.from([0, 10, 10, 20])
  expect([-1, 0, 9, 10, 20, 99].map((nowUs) => dueCount(dueUs, nowUs))).toEqual([0, 1, 1, 3, 4, 4])
})

test('a share is only called whole when it is, and lines are not too long', () => {
  const fidelity = {
    ...newFidelity(20_000),
    sent: 20_000,
    promptExact: 19_999,
    promptOff: 1,
    outputExact: 5,
  }
  expect(fidelityText(fidelity)).toContain('prompts exact < 100 % (20,000)')
  expect(fidelityText(fidelity)).toContain('answers exact 100.0 % (5)')
  const long = {
    ...fidelity,
    hungUp: 9,
    hangUpMissed: 9,
    retried: 9,
    fillers: { failed: 4, hungUp: 1_000, tooLong: 4 },
    outcomes: { timeout: 3, http_error: 4 },
  }
  for (const line of fidelityText(long).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(fidelityText(long).replaceAll(/\s+/g, ' ')).toContain(
    '1,008 turns could not quote (4 the answer before failed, 1,000 it was hung up, 4 too long for the turn)',
  )
})
