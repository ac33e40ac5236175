import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'

afterEach(() => void vi.restoreAllMocks())

/** Sets the wall clock so far off, in ms. */
function stepWallClock(byMs: number): void {
  const real = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => real.call(Date) + byMs)
}

/** How far the wall clock has gone beside the monotonic one, in whole seconds. */
const apartSec = () => Math.round((systemClock.wallUs() - systemClock.nowUs()) / 1_000_000)

test('the wall clock follows a step forwards and backwards', () => {
  const before = apartSec()
  stepWallClock(3_600_000)
  expect(apartSec() - before).toBe(3_600)
  vi.restoreAllMocks()
  expect(apartSec() - before).toBe(0)
  stepWallClock(-7_200_000)
  expect(apartSec() - before).toBe(-7_200)
})

test('the wall clock is finer than a millisecond and never leaves that of the system', () => {
  const fractions = new Set<number>()
  for (let reading = 0; reading < 1_000; reading += 1) {
    const beforeMs = Date.now()
    const wallUs = systemClock.wallUs()
    expect(wallUs).toBeGreaterThanOrEqual(beforeMs * 1_000 - 1_000)
    expect(wallUs).toBeLessThan((Date.now() + 1) * 1_000 + 1_000)
    fractions.add(wallUs % 1_000)
  }
  expect(fractions.size).toBeGreaterThan(10)
})
