import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { fitGaps } from '../../src/stats/fit.ts'

test('exponential gaps are recognised as Gamma and Weibull of shape 1', () => {
  const draw = sequenceFor('1', 'fit test')
  const gaps = Float64Array.from({ length: 20_000 }, () => -Math.log(1 - draw()) * 3)
  const fit = fitGaps(gaps)!
  expect(fit.gamma_shape).toBeCloseTo(1, 1)
  expect(fit.weibull_shape).toBeCloseTo(1, 1)
  expect(fit.ks_exp).toBeLessThan(0.02)
  expect(fit.ks_lognorm).toBeGreaterThan(0.05)
})

test('too few gaps, or gaps that are all equal, are not fitted', () => {
  expect(fitGaps(new Float64Array(49).fill(1))).toBeNull()
  expect(fitGaps(new Float64Array(100).fill(1))).toBeNull()
})

test('a steady beat is no law of gaps, whatever its rounding leaves, and ends the search at once', () => {
  for (const count of [300, 500, 799]) {
    for (const gapUs of [60_000, 61_728, 333_333]) {
      expect(fitGaps(Float64Array.from({ length: count }, (_, at) => gapUs + (at % 3)))).toBeNull()
      expect(fitGaps(new Float64Array(count).fill(gapUs))).toBeNull()
    }
  }
})
