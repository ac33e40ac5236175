/** Each latency on an example that fits on a hand. */
import { expect, test } from 'vitest'
import {
  dueOffsetUs,
  interChunkUs,
  interTokenUs,
  longestGapUs,
  normalisedUs,
  tpotUs,
} from '../../src/stream/latency.ts'

test('time per token leaves out the first and needs two', () => {
  expect(tpotUs(100, 500, 5)).toBe(100)
  expect(tpotUs(100, 500, 1)).toBeNull()
  expect(tpotUs(null, 500, 5)).toBeNull()
})

test('normalised time spreads the whole answer over its tokens', () => {
  expect(normalisedUs(500, 5)).toBe(100)
  expect(normalisedUs(500, 0)).toBeNull()
})

test('a chunk of several tokens shares its gap among them', () => {
  expect([...interChunkUs([0, 10, 40])]).toEqual([10, 30])
  expect([...interTokenUs([0, 10, 40], [1, 1, 3])]).toEqual([10, 10, 10, 10])
  expect([...interTokenUs([0, 10, 40], null)]).toEqual([10, 30])
})

test('gaps of tokens sum to the time from the first to the last event', () => {
  const gaps = interTokenUs([5, 10, 40, 42], [2, 1, 3, 7])
  expect(gaps.reduce((sum, gapUs) => sum + gapUs, 0)).toBeCloseTo(37, 9)
  expect(gaps).toHaveLength(11)
})

test('the longest gap needs two events', () => {
  expect([longestGapUs([5]), longestGapUs([5, 9, 30, 31])]).toEqual([null, 21])
})

test('lateness and upload stand between due and sent', () => {
  expect(dueOffsetUs({ lagUs: 3, uploadUs: 4 })).toBe(7)
  expect(dueOffsetUs({ lagUs: null, uploadUs: null })).toBe(0)
})
