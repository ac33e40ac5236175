import { expect, test } from 'vitest'
import { residueLine, runOrder } from '../../src/study/ab.ts'
import { parseAbOptions } from '../../src/study/ab-options.ts'

const RAW = { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2', runs: '8', keep: 'x', pause: '0' }

test('runs go A B B A, and each pair is neighbours', () => {
  expect(runOrder(3).map(({ side, pair }) => `${side}${pair}`)).toEqual([
    'a0',
    'b0',
    'b1',
    'a1',
    'a2',
    'b2',
  ])
})

test('too few runs for the gates are refused with the arithmetic', () => {
  const gates = ['ttft.p99<+10%', 'tpot.p99<+10%']
  expect(() => parseAbOptions({ ...RAW, runs: '6', gate: gates })).toThrow(
    /6 pairs reach p = 2\/2\^6 = 0.031 at best, above 0.025/,
  )
  expect(parseAbOptions({ ...RAW, runs: '7', gate: gates }).gates).toHaveLength(2)
})

test('both servers must be named', () => {
  const { b: _b, ...withoutB } = RAW
  expect(() => parseAbOptions(withoutB)).toThrow(/--b is missing/)
})

test("what an earlier run left in the cache is told by the server's own block size", () => {
  const report = {
    side: { tokens: { prompt: 1_000, cached: 400, output: 0 } },
    run: { server: { fingerprint: 'fp-1' } },
  } as unknown as Parameters<typeof residueLine>[0]
  const gap = { prompts: 1_000, served: 400, predicted: 128, blockTokens: 128 } as Parameters<
    typeof residueLine
  >[1]
  const text = residueLine(report, gap)
  expect(text).toContain('cached 40.0 %, predicted 12.8 % in blocks of 128')
  expect(text).toContain('more than the plan explains')
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true)
  expect(residueLine(report, { ...gap!, predicted: 396 })).not.toContain('warm')
  expect(residueLine(report, null)).toBe('      fp-1 · cached 40.0 %\n')
})
