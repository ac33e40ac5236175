import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantileOfSorted } from '../../src/stats/quantile.ts'
import { QuantileSketch } from '../../src/stats/sketch.ts'

test('a sketch gives the quantiles of its values to 0.002 %, and exactly below 131,072', () => {
  const q = fc.double({ min: 0, max: 1, noNaN: true })
  const list = fc.array(fc.oneof(fc.nat(131_071), fc.nat(2_000_000_000)), { minLength: 1 })
  fc.assert(
    fc.property(list, q, (values, share) => {
      const sketch = new QuantileSketch()
      for (const value of values) sketch.add(value)
      const exact = quantileOfSorted(
        values.toSorted((a, b) => a - b),
        share,
      )
      const tolerance = Math.max(...values) < 131_072 ? 1e-9 : 2e-5 * Math.max(...values)
      expect(Math.abs(sketch.quantile(share) - exact)).toBeLessThanOrEqual(tolerance)
    }),
  )
})

test('a weight counts as so many equal values', () => {
  const sketch = new QuantileSketch()
  sketch.add(10, 3)
  sketch.add(20)
  expect(sketch.count).toBe(4)
  expect(sketch.mean).toBe(12.5)
  expect(sketch.quantile(0.5)).toBe(10)
  expect(new QuantileSketch().quantile(0.5)).toBeNaN()
})
