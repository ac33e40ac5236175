import { expect, test } from 'vitest'
import { DelayMeter } from '../../src/record/delay-meter.ts'

test('a chunk that waits behind others of its turn is charged for the wait', () => {
  let endTurn = () => undefined as void
  const meter = new DelayMeter((callback) => (endTurn = callback))
  meter.add(1_000, 1_010)
  meter.add(1_900, 2_000)
  expect(meter.quantileUs(1)).toBeCloseTo(1_000, -2)
  endTurn()
  meter.reset()
  meter.add(5_000, 5_016)
  expect(meter.quantileUs(0.5)).toBe(16)
})

test('without chunks there is no delay to tell', () => {
  expect(new DelayMeter(() => undefined).quantileUs(0.5)).toBe(null)
})
