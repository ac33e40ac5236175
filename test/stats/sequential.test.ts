import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { logExcessEvidence } from '../../src/stats/sequential.ts'

test('no trial is no evidence, and what never happens is evidence of nothing', () => {
  expect(logExcessEvidence(0, 0, 0.01)).toBeCloseTo(0, 9)
  expect(logExcessEvidence(0, 500, 0.01)).toBeLessThan(0)
})

test('evidence grows with events and falls with trials', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 200 }),
      fc.double({ min: 0.001, max: 0.6, noNaN: true }),
      (events, misses, allowed) => {
        const now = logExcessEvidence(events, events + misses, allowed)
        expect(logExcessEvidence(events + 1, events + 1 + misses, allowed)).toBeGreaterThan(now)
        expect(logExcessEvidence(events, events + misses + 1, allowed)).toBeLessThan(now)
      },
    ),
  )
})

test('what happens no more often than it may is never evidence, in however many trials', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0.001, 0.01, 0.05, 0.5),
      (trials, share, allowed) => {
        const events = Math.floor(share * allowed * trials)
        expect(logExcessEvidence(events, trials, allowed)).toBeLessThanOrEqual(1e-6)
        expect(logExcessEvidence(events, 2 * trials, allowed)).toBeLessThanOrEqual(1e-6)
      },
    ),
  )
})

test.each([0.01, 0.05, 0.5])(
  'what happens as often as it may passes 1/0.05 in fewer than one run of twenty, looking each time: %d',
  (allowed) => {
    const draw = sequenceFor(`allowed ${allowed}`, 'sequential')
    let crossed = 0
    for (let run = 0; run < 400; run += 1) {
      let events = 0
      for (let trials = 1; trials <= 1_000; trials += 1) {
        if (draw() >= allowed) continue
        events += 1
        if (logExcessEvidence(events, trials, allowed) > Math.log(20)) {
          crossed += 1
          break
        }
      }
    }
    expect(crossed).toBeLessThanOrEqual(20)
  },
)

test('three times what may happen is found in most runs', () => {
  const draw = sequenceFor('power', 'sequential')
  let found = 0
  for (let run = 0; run < 100; run += 1) {
    let events = 0
    for (let trials = 1; trials <= 1_000; trials += 1) {
      if (draw() < 0.15) events += 1
      if (logExcessEvidence(events, trials, 0.05) > Math.log(100)) {
        found += 1
        break
      }
    }
  }
  expect(found).toBeGreaterThanOrEqual(99)
})
