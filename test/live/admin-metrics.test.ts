import { expect, test } from 'vitest'
import { adminMetrics } from '../../src/live/admin-metrics.ts'
import { DelayMeter } from '../../src/record/delay-meter.ts'
import { QUIET_STATUS, quietControl } from '../support/record-control.ts'

test('delays and latencies are histograms of seconds: buckets add up to their count, with a sum', async () => {
  const meter = new DelayMeter(() => undefined)
  meter.add(1_000, 1_040)
  meter.add(1_000, 3_000)
  const control = quietControl(() => ({ ...QUIET_STATUS, delays: meter.tally }))
  const row = { outcome: 'ok', stream: true, ttftUs: 80_000, e2eUs: 200_000 } as const
  control.answers.add(0, { ...row, promptTokens: 9, outputTokens: 5 }, [])
  const text = await adminMetrics(control)
  expect(text).toContain('# TYPE trace_record_added_seconds histogram\n')
  expect(text).toMatch(/^trace_record_added_seconds_bucket\{le="\+Inf"\} 2$/m)
  expect(text).toMatch(/^trace_record_added_seconds_count 2$/m)
  expect(text).toMatch(/^trace_record_added_seconds_sum 0\.00204$/m)
  expect(text).toMatch(/^trace_record_ttft_seconds_sum 0\.08$/m)
  expect(text).toMatch(/^trace_record_tpot_seconds_sum 0\.03$/m)
  expect(text).toMatch(/^trace_record_e2e_seconds_sum 0\.2$/m)
  expect(text).toMatch(/^trace_record_prompt_tokens_total 9$/m)
  expect(text).toMatch(/^trace_record_output_tokens_total 5$/m)
})

test('only a summary may have quantiles, and each family is said once, with its type before it', async () => {
  const lines = (await adminMetrics(quietControl())).split('\n')
  expect(lines.some((line) => line.includes('quantile='))).toBe(false)
  const families = lines
    .filter((line) => line.startsWith('# TYPE '))
    .map((line) => line.split(' ')[2])
  expect(new Set(families).size).toBe(families.length)
  const ofFamily = (name: string) =>
    families.includes(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '')
  const strays = lines.filter((line, at) => {
    if (line === '' || line.startsWith('#')) return false
    const name = ofFamily(/^\w+/.exec(line)?.[0] ?? '')
    return !lines.slice(0, at).some((each) => each.startsWith(`# TYPE ${name} `))
  })
  expect(strays).toEqual([])
})
