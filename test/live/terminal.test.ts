import { expect, test } from 'vitest'
import { LiveHistory } from '../../src/live/live-history.ts'
import { terminalView } from '../../src/live/terminal.ts'
import { LiveResults } from '../../src/replay/live-results.ts'
import type { Progress } from '../../src/replay/progress.ts'

const at = (second: number, change: Partial<Progress> = {}): Progress => ({
  planned: 100,
  due: second,
  sent: second,
  inFlight: second % 5,
  hungUp: 0,
  dropped: 0,
  cut: 0,
  errors: 0,
  lagUs: 200,
  done: second,
  elapsedUs: second * 1_000_000,
  ...change,
})

test('one point a second is kept, with the rates since the one before', () => {
  const history = new LiveHistory()
  history.add(at(0))
  expect(history.add(at(0.5))).toBeNull()
  expect(history.add(at(2, { sent: 30, done: 10, errors: 3 }))).toEqual({
    elapsedUs: 2_000_000,
    inFlight: 2,
    sentPerSec: 15,
    donePerSec: 5,
    errors: 3,
    lagUs: 200,
    ttftP50Us: null,
    ttftP99Us: null,
    outputTokensPerSec: null,
    waiting: null,
    running: null,
    kvShare: null,
  })
})

test('ten minutes are kept, not more', () => {
  const history = new LiveHistory()
  for (let second = 0; second < 700; second += 1) history.add(at(second))
  expect(history.points).toHaveLength(600)
})

test('the view fits the terminal, however narrow', () => {
  const history = new LiveHistory()
  for (let second = 0; second < 80; second += 1) history.add(at(second))
  for (const columns of [30, 40, 80, 200]) {
    const lines = terminalView(at(80), history.points, columns).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines.filter((line) => line.length > columns)).toEqual([])
  }
  expect(terminalView(at(80), history.points, 100)).toMatch(/in flight {3}[▁-█]+ +0 · most 4/)
})

test('latencies and tokens are of the last seconds, and servers are heard', () => {
  const history = new LiveHistory()
  const live = new LiveResults(200)
  history.begin(live)
  const end = (row: number, ttftUs: number) =>
    live.add(row, { outcome: 'ok', stream: true, ttftUs, outputTokens: 5 }, [])
  for (let row = 0; row < 100; row += 1) end(row, 1_000_000)
  history.add(at(0))
  for (let second = 1; second <= 10; second += 1) history.add(at(second))
  for (let row = 100; row < 110; row += 1) end(row, 10_000)
  history.hear([
    { atUs: 0, metric: 'vllm:num_requests_waiting', labels: '{"engine":"0"}', value: 3 },
    { atUs: 0, metric: 'vllm:num_requests_waiting', labels: '{"engine":"1"}', value: 4 },
    { atUs: 0, metric: 'vllm:kv_cache_usage_perc', labels: '{"engine":"0"}', value: 0.5 },
    { atUs: 0, metric: 'vllm:kv_cache_usage_perc', labels: '{"engine":"1"}', value: 0.2 },
  ])
  const point = history.add(at(11))!
  expect(point).toMatchObject({ outputTokensPerSec: 50, waiting: 7, running: null, kvShare: 0.5 })
  expect(point.ttftP99Us).toBeGreaterThan(10_000)
  expect(point.ttftP99Us).toBeLessThan(11_000)
  expect(terminalView(at(11), history.points, 80)).toMatch(/waiting +▄ +7/)
})
