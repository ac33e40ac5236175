import { expect, test } from 'vitest'
import { linearBins, logBins } from '../../src/stats/histogram.ts'

test('values at or beyond the last edge stay in the last bin, none are lost', () => {
  const bins = linearBins(Float64Array.of(-1, 0, 5, 9, 10, 11), 0, 10, 2)
  expect(bins).toEqual([
    { from: 0, to: 5, count: 2 },
    { from: 5, to: 10, count: 4 },
  ])
})

test('bins of equal ratio', () => {
  const bins = logBins(Float64Array.of(0, 1, 9, 10, 99, 100), 1, 100, 2)
  expect(bins.map(({ count }) => count)).toEqual([3, 3])
  expect(bins[1]!.from).toBeCloseTo(10, 12)
})
