import { expect, test } from 'vitest'
import { Counters, lagQuantileUs, sumCounts } from '../../src/replay/counters.ts'

test('two threads count apart and are summed', () => {
  const [one, two] = [new Counters(), new Counters()]
  one.add('sent', 3)
  two.add('sent')
  expect(sumCounts([one, new Counters(two.memory)]).sent).toBe(4)
})

test('a lag percentile is at most 9 % above the true one, and null before the first send', () => {
  const counters = new Counters()
  expect(lagQuantileUs([counters], 0.99)).toBeNull()
  for (let lagUs = 1; lagUs <= 1_000; lagUs += 1) counters.addLag(lagUs)
  const lagUs = lagQuantileUs([counters], 0.99) ?? 0
  expect(lagUs).toBeGreaterThanOrEqual(990)
  expect(lagUs).toBeLessThanOrEqual(990 * 1.1)
})
