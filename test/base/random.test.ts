import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawFor } from '../../src/base/random.ts'

test('the published vectors hold on this machine', () => {
  const draw = drawFor('7', 'jitter')
  expect([draw(0), draw(1), draw(2), draw(2 ** 32), draw(0, 1), draw(0, 0, 1)]).toEqual([
    0.7473596925357171, 0.45744965923155223, 0.03430358585873783, 0.4152769542390561,
    0.8278422503326679, 0.5159505740061998,
  ])
  expect(drawFor('7', 'jitter', 'abc')(0)).toBe(0.41085778050277766)
})

test('a draw depends on what it is for, never on what was asked before', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(9), fc.nat(9), (seed, seq, copy, k) => {
      const fresh = drawFor(seed, 'a')(seq, copy, k)
      const used = drawFor(seed, 'a')
      used(seq + 1)
      used(seq, copy + 1, k)
      expect(used(seq, copy, k)).toBe(fresh)
      expect(fresh).toBeGreaterThanOrEqual(0)
      expect(fresh).toBeLessThan(1)
    }),
  )
})

test('a hundred thousand draws are uniform, and neighbours are not alike', () => {
  const draw = drawFor('uniform', 'test')
  const count = 100_000
  const buckets = new Float64Array(64)
  let product = 0
  for (let seq = 0; seq < count; seq++) {
    const value = draw(seq)
    buckets[Math.floor(value * 64)]! += 1
    product += (value - 0.5) * (draw(seq + 1) - 0.5)
  }
  const expected = count / 64
  const chiSquare = buckets.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0)
  expect(chiSquare).toBeLessThan(103.4) // 99.9 % of chi² with 63 degrees of freedom
  expect(Math.abs((product / count) * 12)).toBeLessThan(0.0105) // 3.3 standard errors
})

test('two purposes, two seeds and two sources share no numbers', () => {
  const draws = [drawFor('1', 'a'), drawFor('1', 'b'), drawFor('2', 'a'), drawFor('1', 'a', 'x')]
  const values = draws.flatMap((draw) => Array.from({ length: 1_000 }, (_, seq) => draw(seq)))
  expect(new Set(values).size).toBe(values.length)
})
