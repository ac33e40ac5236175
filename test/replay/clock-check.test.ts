import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clockText, offsetOf, type DateReading } from '../../src/replay/clock-check.ts'

const SECOND_US = 1_000_000

/** A server whose clock is so far from ours, asked every 45 ms, with answers that take some time. */
function readings(
  offsetUs: number,
  firstUs: number,
  waysUs: readonly (readonly [number, number])[],
) {
  return waysUs.map(([thereUs, backUs], at): DateReading => {
    const askedUs = firstUs + at * 45_000
    const stampedUs = askedUs + thereUs + offsetUs
    const dateUs = Math.floor(stampedUs / SECOND_US) * SECOND_US
    return { dateUs, askedUs, hadUs: askedUs + thereUs + backUs }
  })
}

test('the true offset is within the error that is told, and that is a tenth of a second at most', () => {
  const way = fc.tuple(fc.nat(20_000), fc.nat(20_000))
  fc.assert(
    fc.property(
      fc.integer({ min: -5_000_000, max: 5_000_000 }),
      fc.nat(3_000_000),
      fc.array(way, { minLength: 24, maxLength: 24 }),
      (offsetUs, firstUs, ways) => {
        const found = offsetOf(readings(offsetUs, 1e15 + firstUs, ways))!
        expect(Math.abs(found.offsetUs - offsetUs)).toBeLessThanOrEqual(found.errorUs + 1)
        expect(found.errorUs).toBeLessThanOrEqual(100_000)
      },
    ),
  )
})

test('dates that contradict each other make the error as large as their difference', () => {
  const at = (dateUs: number) => ({ dateUs, askedUs: 0, hadUs: 0 })
  expect(offsetOf([at(0), at(3_000_000)])).toEqual({ offsetUs: 2_000_000, errorUs: 1_000_000 })
  expect(offsetOf([])).toBeNull()
})

test('the offset is told in words', () => {
  expect(clockText({ offsetUs: 3_000, errorUs: 24_000 })).toBe(
    "clock 3 ms behind the target's, give or take 24 ms",
  )
  expect(clockText({ offsetUs: -3_000, errorUs: 24_000 })).toContain('ahead of')
  expect(clockText(null)).toContain('not compared')
})
