import { expect, test } from 'vitest'
import { arrangements, hodgesLehmann, holm, mannWhitneyP } from '../../src/stats/rank-test.ts'

test('arrangements are counted as by hand', () => {
  expect([...arrangements(2, 2)]).toEqual([1, 1, 2, 1, 1])
  expect(arrangements(4, 4).reduce((sum, count) => sum + count, 0)).toBe(70)
})

test('two groups apart reach the smallest p that their size allows', () => {
  expect(mannWhitneyP([1, 2, 3, 4], [5, 6, 7, 8])).toBeCloseTo(2 / 70, 12)
  expect(mannWhitneyP([1, 4, 5, 8], [2, 3, 6, 7])).toBe(1)
})

test('ties fall back to the normal approximation', () => {
  const p = mannWhitneyP([1, 2, 2, 3, 4], [2, 5, 6, 7, 8])
  expect(p).toBeGreaterThan(0.03)
  expect(p).toBeLessThan(0.08)
  expect(mannWhitneyP([1, 1], [1, 1])).toBe(1)
})

test('the shift is the median difference, and its interval the exact one', () => {
  const first = [10, 11, 12, 13]
  const second = [15, 16, 17, 18]
  expect(hodgesLehmann(first, second)).toEqual({ shift: 5, interval: { low: 2, high: 8 } })
  expect(hodgesLehmann([1], [2]).interval).toBeNull()
})

test('Holm multiplies the smallest p most, and never lets a larger p fall below a smaller one', () => {
  expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06])
})
