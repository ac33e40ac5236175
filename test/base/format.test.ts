import { expect, test } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatShare } from '../../src/base/format.ts'

test('durations change their unit where a person would', () => {
  const texts = [
    0, 40, 212_000, 999_499, 999_500, 1_900_000, 59_949_999, 60_000_000, 852_000_000,
    11_100_000_000, 259_200_000_000,
  ]
  expect(texts.map(formatDuration)).toEqual([
    '0 ms',
    '0.04 ms',
    '212 ms',
    '999 ms',
    '1 s',
    '1.9 s',
    '59.9 s',
    '1 min 00 s',
    '14 min 12 s',
    '3 h 05 min',
    '3 d 0 h',
  ])
  expect(formatDuration(-1_500)).toBe('-1.5 ms')
})

test('counts, shares and sizes', () => {
  expect([
    formatCount(10_543),
    formatCount(12.44, 1),
    formatShare(0.621),
    formatBytes(2_100_000),
    formatBytes(999),
  ]).toEqual(['10,543', '12.4', '62.1 %', '2.1 MB', '999 B'])
})
