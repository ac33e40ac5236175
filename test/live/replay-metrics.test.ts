import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adminMetrics } from '../../src/live/admin-metrics.ts'
import { LiveHistory } from '../../src/live/live-history.ts'
import { replayMetrics } from '../../src/live/replay-metrics.ts'
import { LiveResults } from '../../src/replay/live-results.ts'
import { quietControl } from '../support/record-control.ts'

async function page(): Promise<string> {
  const history = new LiveHistory()
  const live = new LiveResults(10)
  history.begin(live)
  live.add(0, { outcome: 'ok', stream: true, ttftUs: 80_000, e2eUs: 200_000, outputTokens: 5 }, [])
  live.add(1, { outcome: 'ok', stream: true, ttftUs: 3_000_000_000, outputTokens: 1 }, [])
  const counts = { planned: 10, due: 4, sent: 3, inFlight: 1, hungUp: 0, dropped: 1, cut: 0 }
  history.add({ ...counts, errors: 0, lagUs: 200, done: 2, elapsedUs: 1_500_000 })
  return replayMetrics(history)
}

test("a running replay's counts and latencies stand on one page, in seconds", async () => {
  const lines = (await page()).split('\n')
  const valueOf = (name: string) =>
    Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
  expect(valueOf('trace_replay_sent_total')).toBe(3)
  expect(valueOf('trace_replay_dropped_total')).toBe(1)
  expect(valueOf('trace_replay_in_flight')).toBe(1)
  expect(valueOf('trace_replay_output_tokens_total')).toBe(6)
  expect(valueOf('trace_replay_lag_p99_seconds')).toBe(0.0002)
  expect(valueOf('trace_replay_ttft_due_seconds_count')).toBe(2)
  expect(valueOf('trace_replay_ttft_due_seconds_sum')).toBe(3_000.08)
  expect(valueOf('trace_replay_tpot_seconds_sum')).toBe(0.03)
})

test('buckets count up to their own edge, and infinity counts all', async () => {
  const buckets = (await page()).split('\n').flatMap((line) => {
    const [, edge, count] =
      /^trace_replay_ttft_due_seconds_bucket\{le="(.+)"\} (.+)$/.exec(line) ?? []
    return edge === undefined
      ? []
      : [{ edge: edge === '+Inf' ? Infinity : Number(edge), count: Number(count) }]
  })
  expect(buckets.at(-1)).toEqual({ edge: Infinity, count: 2 })
  expect(buckets.find(({ count }) => count === 1)!.edge).toBeGreaterThanOrEqual(0.08)
  expect(buckets.find(({ count }) => count === 1)!.edge).toBeLessThan(0.13)
  expect(buckets.every(({ count }, at) => at === 0 || count >= buckets[at - 1]!.count)).toBe(true)
})

test.each(['trace-replay', 'trace-record'])(
  'the dashboard %s is whole, and asks for nothing that we do not say',
  async (name) => {
    const file = new URL(`../../deploy/grafana/${name}.json`, import.meta.url)
    const board = JSON.parse(readFileSync(file, 'utf8'))
    expect(board).toMatchObject({ schemaVersion: 39, title: expect.any(String) })
    const ids = board.panels.map((panel: { id: number }) => panel.id)
    expect(new Set(ids).size).toBe(ids.length)
    const asked = board.panels.flatMap((panel: { targets: { expr: string }[] }) =>
      panel.targets.flatMap(({ expr }) => expr.match(/\btrace_\w+/g) ?? []),
    )
    expect(asked.length).toBeGreaterThan(0)
    const said = name === 'trace-replay' ? await page() : await adminMetrics(quietControl())
    expect(asked.filter((metric: string) => !said.includes(metric))).toEqual([])
  },
)
