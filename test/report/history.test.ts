import { expect, test } from 'vitest'
import { formatHistory } from '../../src/report/history-text.ts'
import { historyPage } from '../../src/report/history-page.ts'
import { historyOf } from '../../src/report/history.ts'
import { parseQuantity } from '../../src/report/quantity.ts'
import { buildReport } from '../../src/report/report.ts'
import { sparkline } from '../../src/report/sparkline.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

async function run(index: number, ttftUs: number, plan = 'p') {
  const requests = Array.from({ length: 20 }, (_, row) => ({
    atUs: row * 1_000,
    lagUs: 10,
    stream: true,
    outcome: 'ok',
    ttftUs: ttftUs + ((row * 7) % 11) * 100,
    e2eUs: ttftUs + 50_000,
  }))
  const reader = unsavedTrace({ kind: 'replayed', requests, header: { planSha256: plan } })
  return { name: `run${index}.sqlite`, at_us: index, report: await buildReport(reader, null) }
}

test('a step in a number is found at the run that made it; another plan is left out', async () => {
  const levels = [100, 101, 99, 100, 102, 101, 130, 131, 129, 130, 132, 131]
  const runs = await Promise.all(levels.map((ms, index) => run(index, ms * 1_000)))
  const other = await run(12, 500_000, 'another')
  const history = historyOf([...runs, other], [parseQuantity('--number', 'ttft.p50')], {
    maxP: 0.001,
    minChange: 0,
  })
  expect(history.left_out).toEqual([{ name: 'run12.sqlite', reason: 'another plan than most' }])
  expect(history.numbers[0]!.changes.map((change) => change.run)).toEqual(['run6.sqlite'])
  const text = formatHistory(history)
  expect(text).toMatch(/\+29\.\d % from run6.sqlite: 101 ms → 131 ms/)
  expect(historyPage(history)).toContain('1 change of level')
})

test('with too few runs no level is said to have stayed', async () => {
  const runs = await Promise.all([100, 200, 100, 200, 100].map((ms, at) => run(at, ms * 1_000)))
  const history = historyOf(runs, [parseQuantity('--number', 'ttft.p50')], {
    maxP: 0.001,
    minChange: 0,
  })
  expect(formatHistory(history)).toContain('runs: too few to see a change (6 at least)')
  expect(historyPage(history)).toContain('too few to see a change')
})

test('a sparkline spans its values and leaves gaps', () => {
  expect(sparkline([0, 7, Number.NaN, 3.5], 10)).toBe('▁█ ▅')
  expect(sparkline([5, 5], 10)).toBe('▄▄')
  expect(sparkline([0, 0], 10)).toBe('▁▁')
  expect(
    sparkline(
      Array.from({ length: 100 }, (_, index) => index),
      10,
    ),
  ).toHaveLength(10)
})
