import { expect, test } from 'vitest'
import {
  autocorrelation,
  countsPerWindow,
  dispersionIndex,
  gapsOf,
  quantumUs,
} from '../../src/stats/arrivals.ts'

test('gaps keep zeros', () => {
  expect([...gapsOf(Float64Array.of(5, 5, 9))]).toEqual([0, 4])
  expect([...gapsOf(Float64Array.of(5))]).toEqual([])
})

test('windows start at the first event, are half open, and the unfinished last one is dropped', () => {
  expect([...countsPerWindow(Float64Array.of(100, 109, 110, 119, 125), 10)]).toEqual([2, 2])
})

test('evenly spaced events have dispersion 0, doubled events 1', () => {
  const even = Float64Array.from({ length: 11 }, (_, index) => index * 10)
  expect(dispersionIndex(even, 10)).toBe(0)
  const doubled = Float64Array.of(0, 1, 20, 21, 40)
  expect(dispersionIndex(doubled, 10)).toBe(1)
})

test('an alternating series is anticorrelated at lag 1 and correlated at lag 2', () => {
  const values = Float64Array.of(1, 3, 1, 3, 1, 3)
  expect(autocorrelation(values, 1)).toBeCloseTo(-1, 12)
  expect(autocorrelation(values, 2)).toBeCloseTo(1, 12)
})

test('the quantum is the step that all instants share', () => {
  expect(quantumUs(Float64Array.of(7, 3_007, 9_007))).toBe(3_000)
  expect(quantumUs(Float64Array.of(7))).toBe(0)
})
