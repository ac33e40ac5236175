import { expect, test } from 'vitest'
import { buildReport } from '../../src/report/report.ts'
import { parseWindow } from '../../src/report/window.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

/** 100 requests, one a second; the first ten are slow, and the last ten too. */
function rows(kind: 'recorded' | 'replayed', speed = 1): Partial<RequestRow>[] {
  return Array.from({ length: 100 }, (_, index) => {
    const ttftUs = index < 10 || index >= 90 ? 900_000 : 100_000
    return {
      seq: index,
      sourceSeq: kind === 'replayed' ? index : null,
      atUs: (index * 1_000_000) / speed,
      lagUs: 0,
      stream: true,
      outcome: 'ok',
      outputTokens: 5,
      ttftUs,
      e2eUs: ttftUs + 100_000,
    }
  })
}

const recorded = unsavedTrace({ kind: 'recorded', requests: rows('recorded') })
const run = unsavedTrace({ kind: 'replayed', requests: rows('replayed', 2) })
const report = async (warmup: string, drain: string) =>
  buildReport(run, recorded, {
    objectives: [],
    profile: 'vllm',
    window: parseWindow({ warmup, drain }),
  })

test('warm-up and drain are cut by due time, and the same requests on both sides', async () => {
  const { side, recorded: other, window, notes, verdict, profile } = await report('5s', '5s')
  expect(window).toEqual({ from_us: 5_000_000, to_us: 44_500_000, cut_before: 10, cut_after: 10 })
  expect(side.requests.total).toBe(80)
  expect(other!.side.requests.total).toBe(80)
  expect([side.metrics.ttft!.max, other!.side.metrics.ttft!.max]).toEqual([100_000, 100_000])
  expect(profile).toMatchObject({ completed: 80, metrics: { ttft: { n: 80, mean: 100 } } })
  expect(notes[0]).toBe(
    'figures of what was due from 5 s to 44.5 s; left out 10 before and 10 after',
  )
  // Whether to believe the run is asked of all of it.
  expect(verdict.checks.find(({ name }) => name === 'errors')!.says).toBe('0 failed (0.0 %)')
})

test('nothing is cut unless asked for, and never everything', async () => {
  const whole = await report('0s', '0s')
  expect(whole.window).toBeNull()
  expect(whole.side.requests.total).toBe(100)
  await expect(report('60s', '0s')).rejects.toThrow('leave nothing')
  await expect(report('30s', '30s')).rejects.toThrow('leave nothing')
})
