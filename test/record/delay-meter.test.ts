import { expect, test } from 'vitest'
import { DelayMeter } from '../../src/record/delay-meter.ts'
import { bucketOf } from '../../src/stats/octaves.ts'

test('a chunk that waits behind others of its turn is charged for the wait', () => {
  let endTurn = () => undefined as void
  const meter = new DelayMeter((callback) => (endTurn = callback))
  meter.add(1_000, 1_010)
  meter.add(1_900, 2_000)
  endTurn()
  meter.add(5_000, 5_016)
  const { counts, sumUs } = meter.tally
  expect(sumUs).toBe(10 + 1_000 + 16)
  for (const us of [10, 1_000, 16]) expect(counts[bucketOf(us)]).toBe(1)
})
