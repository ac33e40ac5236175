import { describe, expect, test } from 'vitest'
import { ReuseGaps } from '../../src/report/reuse-gaps.ts'

const NAMES = ['n', 'mean', 'sd', 'min', 'p50', 'p90', 'p95', 'p99', 'max', 'sum', 'cv'] as const

function figuresOf(gapsUs: readonly number[], maxKept?: number) {
  const gaps = new ReuseGaps(maxKept)
  for (const gapUs of gapsUs) gaps.add(gapUs)
  return gaps.figures()
}

describe('times between two uses of a block', () => {
  test('none give no figures', () => {
    expect(figuresOf([])).toBeNull()
  })

  test('more than are kept give the same figures within 0.002 %', () => {
    const gapsUs = Array.from({ length: 5_000 }, (_, index) => ((index >> 2) * 7_919_111) % 3e9)
    const exact = figuresOf(gapsUs)!
    const counted = figuresOf(gapsUs, 1_000)!
    for (const name of NAMES) {
      expect(Math.abs(counted[name] - exact[name])).toBeLessThanOrEqual(2e-5 * exact[name])
    }
    expect(counted.zeros).toBe(exact.zeros)
  })
})
