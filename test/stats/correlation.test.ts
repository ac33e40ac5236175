import { expect, test } from 'vitest'
import { pearson, ranksOf, spearman } from '../../src/stats/correlation.ts'

test('ties share the middle of their ranks', () => {
  expect([...ranksOf(Float64Array.of(10, 30, 10, 20))]).toEqual([1.5, 4, 1.5, 3])
})

test('a monotone curve has rank correlation 1 but a lower linear one', () => {
  const x = Float64Array.of(1, 2, 3, 4)
  const y = Float64Array.of(1, 8, 27, 64)
  expect(spearman(x, y)).toBeCloseTo(1, 12)
  expect(pearson(x, y)).toBeCloseTo(0.9514, 4)
})
