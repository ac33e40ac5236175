import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ksAgainst,
  ksDistance,
  populationStability,
  wasserstein,
} from '../../src/stats/distance.ts'

const column = fc
  .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 })
  .map((list) => Float64Array.from(list))

test('a sample is at no distance from itself, and distances are symmetric', () => {
  fc.assert(
    fc.property(column, column, (a, b) => {
      expect(ksDistance(a, a)).toBe(0)
      expect(wasserstein(a, a)).toBe(0)
      expect(populationStability(a, a)).toBe(0)
      expect(ksDistance(a, b)).toBe(ksDistance(b, a))
      expect(wasserstein(a, b)).toBeCloseTo(wasserstein(b, a), 10)
    }),
  )
})

test('what is no number has no distance, and no search ends in it', () => {
  const some = Float64Array.of(1, Number.NaN, 2)
  for (const distance of [ksDistance, wasserstein]) {
    expect(distance(some, some)).toBeNaN()
    expect(distance(Float64Array.of(1, 2), some)).toBeNaN()
    expect(distance(some, Float64Array.of(1, 2))).toBeNaN()
    expect(distance(Float64Array.of(), some)).toBeNaN()
  }
})

test('a shift by d moves the Wasserstein distance by d, and disjoint samples are at KS 1', () => {
  const a = Float64Array.of(1, 2, 3)
  const b = Float64Array.of(11, 12, 13)
  expect(wasserstein(a, b)).toBeCloseTo(10, 12)
  expect(ksDistance(a, b)).toBe(1)
})

test('the distance of two points from the uniform law is taken on both sides of each step', () => {
  expect(ksAgainst(Float64Array.of(0.25, 0.5), (value) => value)).toBe(0.5)
})
