import { expect, test } from 'vitest'
import { judgeGate, parseGate } from '../../src/report/gate.ts'

const GATE = parseGate('ttft.p99<+10%')
const around = (level: number, ...off: number[]) =>
  off.map((percent) => level * (1 + percent / 100))
const BASE = around(100, -3, -2, -1, 0, 1, 2, 3, 4)

test('a rise whose interval lies above the tolerance is a regression', () => {
  const { decision, low } = judgeGate(GATE, BASE, around(130, -3, -2, -1, 0, 1, 2, 3, 4))
  expect(decision).toBe('regression')
  expect(low).toBeGreaterThan(0.1)
})

test('no change passes, and so does an improvement', () => {
  expect(judgeGate(GATE, BASE, around(101, -3, -2, -1, 0, 1, 2, 3, 4)).decision).toBe('pass')
  expect(judgeGate(GATE, BASE, around(60, -3, -2, -1, 0, 1, 2, 3, 4)).decision).toBe('pass')
})

test('an interval that holds the tolerance is inconclusive and says how many runs would decide', () => {
  const wide = around(106, -12, -8, 0, 10)
  const { decision, runsToDecide } = judgeGate(GATE, around(100, -10, -4, 3, 9), wide)
  expect(decision).toBe('inconclusive')
  expect(runsToDecide).toBeGreaterThan(8)
})

test('pairs that drift together need fewer runs than the same runs held against each other', () => {
  const first = around(100, -20, -8, 0, 9, 21)
  const second = first.map((value, pair) => value * (1.06 + [-0.05, 0.04, 0, -0.03, 0.05][pair]!))
  const apart = judgeGate(GATE, first, second)
  const paired = judgeGate(GATE, first, second, { paired: true })
  expect([apart.decision, paired.decision]).toEqual(['inconclusive', 'inconclusive'])
  expect(paired.runsToDecide).toBeGreaterThanOrEqual(6)
  expect(paired.runsToDecide! * 4).toBeLessThan(apart.runsToDecide!)
})

test('three runs a side decide nothing', () => {
  expect(judgeGate(GATE, [100, 101, 102], [200, 201, 202])).toMatchObject({
    decision: 'inconclusive',
    low: null,
  })
})

test('a rate of work is watched for a fall', () => {
  const gate = parseGate('output_tokens>-5%')
  expect(judgeGate(gate, BASE, around(80, -3, -2, -1, 0, 1, 2, 3, 4)).decision).toBe('regression')
  expect(judgeGate(gate, BASE, around(120, -3, -2, -1, 0, 1, 2, 3, 4)).decision).toBe('pass')
})

test.each([
  'ttft.p99<10%',
  'ttft.p99>+10%',
  'ttft.p99<-10%',
  'nothing.p99<+10%',
  'output_tokens<+5%',
  '',
])("'%s' is no gate", (text) => {
  expect(() => parseGate(text)).toThrow(/--gate/)
})
