import { expect, test } from 'vitest'
import { fewestPairs, pairedShift, signedRankP, signPatterns } from '../../src/stats/signed-rank.ts'

test('sign patterns are counted as by hand', () => {
  expect([...signPatterns(3)]).toEqual([1, 1, 1, 2, 1, 1, 1])
})

test('six pairs that all rise reach 2 in 64', () => {
  expect(signedRankP([1, 2, 3, 4, 5, 6])).toBeCloseTo(2 / 64, 12)
  expect(signedRankP([1, -2, 3, -4, 5, -6])).toBeGreaterThan(0.5)
  expect(signedRankP([0, 0])).toBe(1)
})

test('the shift of pairs is the median of their averages, with the exact interval', () => {
  expect(pairedShift([1, 2, 3, 4, 5, 6])).toEqual({ shift: 3.5, interval: { low: 1, high: 6 } })
  expect(pairedShift([1, 2, 3, 4, 5]).interval).toBeNull()
})

test('a stricter level asks for more pairs', () => {
  expect([0.05, 0.05 / 2, 0.05 / 5].map(fewestPairs)).toEqual([6, 7, 8])
})
