import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDrift } from '../../src/workload/drift.ts'
import { driftCurve, warp, warpClock } from '../../src/workload/rate-warp.ts'

const clockOf = (texts: string[], spanUs = 3_600_000_000) =>
  warpClock(
    driftCurve(
      texts.map((text) => parseDrift('--drift', text)),
      spanUs,
    ),
  )

test('from a sudden change on, time runs by the factor', () => {
  const clock = clockOf(['rate=x4 at 10s'])
  expect([0, 5e6, 10e6, 14e6, 50e6].map(clock)).toEqual([0, 5e6, 10e6, 11e6, 20e6])
})

test('a ramp from 1 to f over D takes D·ln(f)/(f − 1)', () => {
  const clock = clockOf(['rate=x3 at 10s over 20s'])
  expect(Math.round(clock(30e6))).toBe(Math.round(10e6 + (20e6 * Math.log(3)) / 2))
  expect(Math.round(clock(33e6) - clock(30e6))).toBe(1e6)
})

test('a recurring change takes hold and lets go each time', () => {
  const clock = clockOf(['rate=x2 every 10s for 4s'], 30e6)
  expect([4e6, 10e6, 14e6, 20e6].map(clock)).toEqual([2e6, 8e6, 10e6, 16e6])
})

test('two changes multiply', () => {
  const clock = clockOf(['rate=x2 at 10s', 'rate=x3 at 20s'])
  expect(Math.round(clock(26e6))).toBe(10e6 + 5e6 + 1e6)
})

test('a gradual change is followed within a ten-thousandth', () => {
  const clock = clockOf(['rate=x2 at 100s over 100s gradual'])
  // ∫ (1 + e^-x)/(f + e^-x) dx has the primitive x/f − (1 − 1/f)·ln(f + e^-x).
  const primitive = (sec: number) => {
    const x = (4 * (sec - 150)) / 100
    return (x / 2 - 0.5 * Math.log(2 + Math.exp(-x))) * 25
  }
  const exactUs = (primitive(200) - primitive(100)) * 1e6
  expect(Math.abs((clock(200e6) - clock(100e6)) / exactUs - 1)).toBeLessThan(1e-4)
})

test('warping keeps the order, and a factor over 1 never delays', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(100_000_000), { minLength: 1, maxLength: 50 }),
      fc.constantFrom('rate=x2 at 3s', 'rate=x1.5 at 3s over 20s', 'rate=x5 at 9s over 9s gradual'),
      (instants, text) => {
        const dueUs = Float64Array.from(instants).toSorted()
        const sentUs = warp(dueUs, clockOf([text], 100e6))
        expect(sentUs).toEqual(sentUs.toSorted())
        for (const [row, atUs] of sentUs.entries()) expect(atUs).toBeLessThanOrEqual(dueUs[row]!)
      },
    ),
  )
})
