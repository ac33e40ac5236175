import { expect, test } from 'vitest'
import { betaI, digamma, gammaP, logGamma, normalCdf } from '../../src/stats/special.ts'

test('special functions meet tabulated values', () => {
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12)
  expect(logGamma(10)).toBeCloseTo(Math.log(362_880), 10)
  expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 11)
  expect(gammaP(1, 2)).toBeCloseTo(1 - Math.exp(-2), 13)
  expect(gammaP(0.5, 0.1)).toBeCloseTo(0.34527915398142295, 12)
  expect(gammaP(3, 10)).toBeCloseTo(0.9972306042844884, 12)
  expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 12)
  expect(normalCdf(-1.959963984540054)).toBeCloseTo(0.025, 12)
  expect(betaI(2, 3, 0.5)).toBeCloseTo(0.6875, 12)
})
