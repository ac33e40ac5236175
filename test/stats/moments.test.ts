import { expect, test } from 'vitest'
import { describe } from '../../src/stats/moments.ts'

test('moments divide by n', () => {
  expect(describe(Float64Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toEqual({
    n: 8,
    sum: 40,
    mean: 5,
    sd: 2,
    cv: 0.4,
    skew: 0.65625,
    min: 2,
    max: 9,
  })
})

test('equal values have no spread and no skew', () => {
  expect(describe(Float64Array.of(3, 3))).toMatchObject({ sd: 0, cv: 0, skew: 0 })
})
