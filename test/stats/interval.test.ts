import { expect, test } from 'vitest'
import {
  binomialCdf,
  effectiveInterval,
  fewestFor,
  orderInterval,
} from '../../src/stats/interval.ts'

const ranks = (n: number) => Float64Array.from({ length: n }, (_, index) => index + 1)

test('the fewest samples for a two-sided interval are the published ones', () => {
  expect([0.5, 0.9, 0.95, 0.99, 0.999].map((q) => fewestFor(q))).toEqual([6, 36, 72, 368, 3_688])
})

test('one sample fewer, and there is no interval', () => {
  expect(orderInterval(ranks(367), 0.99)).toBeNull()
  expect(orderInterval(ranks(368), 0.99)).toMatchObject({ high: 368 })
})

test('an interval covers its level exactly or a little more', () => {
  const { low, high } = orderInterval(ranks(1_000), 0.9)!
  const covered = binomialCdf(high - 1, 1_000, 0.9) - binomialCdf(low - 1, 1_000, 0.9)
  expect(covered).toBeGreaterThanOrEqual(0.95)
  expect(covered).toBeLessThan(0.96)
})

test('fewer effective samples make a wider interval', () => {
  const sorted = ranks(1_000)
  const [many, few] = [500, 50].map((count) => effectiveInterval(sorted, 0.5, count)!)
  expect(few!.high - few!.low).toBeGreaterThan(2.5 * (many!.high - many!.low))
  expect(effectiveInterval(sorted, 0.99, 50)).toBeNull()
})
