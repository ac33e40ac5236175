import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantileOfSorted, quantiles } from '../../src/stats/quantile.ts'

test('a quantile between two ranks is interpolated linearly', () => {
  expect(quantileOfSorted([1, 2, 3, 4], 0.5)).toBe(2.5)
  expect(quantileOfSorted([10, 20], 0.25)).toBe(12.5)
  expect(quantileOfSorted([7], 0.99)).toBe(7)
})

test('no values have no quantile', () => {
  expect(quantileOfSorted([], 0.5)).toBeNaN()
  expect(quantiles(new Float64Array(), [0.5, 0.9])).toEqual([Number.NaN, Number.NaN])
})

test('selection gives what a full sort gives, and leaves its input alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 300 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
      (list, qs) => {
        const values = Float64Array.from(list)
        const sorted = values.toSorted()
        expect(quantiles(values, qs)).toEqual(qs.map((q) => quantileOfSorted(sorted, q)))
        expect([...values]).toEqual(list)
      },
    ),
  )
})
