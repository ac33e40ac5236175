/** The machine's own account of itself. */
import { expect, test } from 'vitest'
import { machineFacts, parseThrottling } from '../../src/base/machine.ts'

test('a limit of one and a half processors is read from the newer control groups', () => {
  const stat = 'usage_usec 5\nnr_periods 40\nnr_throttled 3\nthrottled_usec 70000\n'
  expect(parseThrottling(stat, ['150000', '100000'])).toEqual({
    limitCpus: 1.5,
    throttledCount: 3,
    throttledUs: 70_000,
  })
})

test('the older control groups count nanoseconds, and -1 is no limit', () => {
  const stat = 'nr_periods 40\nnr_throttled 2\nthrottled_time 5000000\n'
  expect(parseThrottling(stat, ['-1', '100000'])).toEqual({
    limitCpus: null,
    throttledCount: 2,
    throttledUs: 5_000,
  })
})

test('no limit at all is said with the word max', () => {
  expect(parseThrottling('nr_throttled 0\n', ['max', '100000']).limitCpus).toBeNull()
})

test('there is at least one processor to run on', () => {
  expect(machineFacts().cpuCount).toBeGreaterThan(0)
})
