import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addTallies,
  bucketOf,
  bucketQuantileUs,
  BUCKETS,
  countsSince,
  edgeUs,
  emptyTally,
} from '../../src/stats/octaves.ts'

const countsOf = (valuesUs: readonly number[]) => {
  const { counts } = emptyTally()
  for (const us of valuesUs) counts[bucketOf(us)]! += 1
  return counts
}

test('a value lies below the edge of its bucket, and above the one before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (us) => {
      const bucket = bucketOf(us)
      expect(us).toBeLessThanOrEqual(edgeUs(bucket) + 1e-6)
      expect(us).toBeGreaterThanOrEqual(edgeUs(bucket - 1) - 1e-6)
    }),
  )
  expect(bucketOf(1e15)).toBe(BUCKETS - 1)
})

test('a quantile is at most 9 % above the value that it stands for', () => {
  const values = fc.array(fc.integer({ min: 20, max: 1_000_000_000 }), { minLength: 1 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (valuesUs, share) => {
      const sorted = valuesUs.toSorted((a, b) => a - b)
      const exact = sorted[Math.ceil(share * sorted.length - 1e-9) - 1] ?? 0
      const found = bucketQuantileUs(countsOf(valuesUs), share) ?? 0
      expect(found).toBeGreaterThanOrEqual(exact - 1)
      expect(found).toBeLessThanOrEqual(exact * 1.1 + 1)
    }),
  )
  expect(bucketQuantileUs(emptyTally().counts, 0.5)).toBeNull()
})

test('what came since is what is there less what was there, and tallies add up', () => {
  const before = countsOf([5, 700])
  const now = countsOf([5, 700, 700, 9_000])
  expect(countsSince(now, before)).toEqual(countsOf([700, 9_000]))
  expect(countsSince(now, undefined)).toEqual(now)
  const sum = addTallies([
    { counts: before, sumUs: 705 },
    { counts: countsOf([1]), sumUs: 1 },
  ])
  expect(sum).toEqual({ counts: countsOf([1, 5, 700]), sumUs: 706 })
})
