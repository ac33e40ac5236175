/** One run in `traces/` that `vllm bench serve` and a recorder measured at once: how far they agree. */
import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { profileFigures, type ProfileFigures } from '../../src/report/metric-profile.ts'
import { quantileOfSorted } from '../../src/stats/quantile.ts'
import { openTrace } from '../../src/trace/open.ts'

const TRACE = 'traces/bench-vllm-cpu.arrow'

/** What the benchmark said; instants of single requests on the recording's clock. */
type Benchmark = Readonly<Record<string, number>> &
  Readonly<{
    requests: readonly Readonly<{ start_us: number; ttft_us: number; latency_us: number }>[]
  }>

const benchmark = JSON.parse(readFileSync('traces/bench-vllm-cpu.json', 'utf8')) as Benchmark

/** Instants at the relay, µs, by arrival. */
type Seen = Readonly<{ atUs: number; firstUs: number; lastUs: number }>

let figures: ProfileFigures
let seen: Seen[]

beforeAll(async () => {
  const reader = await openTrace(TRACE)
  try {
    figures = await profileFigures(reader, 'vllm')
    seen = []
    for await (const { columns, rowCount } of reader.requests([
      'atUs',
      'uploadUs',
      'ttftUs',
      'e2eUs',
    ])) {
      for (let row = 0; row < rowCount; row += 1) {
        const sentUs = columns.atUs[row]! + (columns.uploadUs[row]! || 0)
        seen.push({
          atUs: columns.atUs[row]!,
          firstUs: sentUs + columns.ttftUs[row]!,
          lastUs: sentUs + columns.e2eUs[row]!,
        })
      }
    }
  } finally {
    await reader.close()
  }
})

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const quantile = (values: readonly number[], share: number) =>
  quantileOfSorted(
    values.toSorted((a, b) => a - b),
    share,
  )
const off = (ours: number, theirs: number) => Math.abs(ours / theirs - 1)

test('what the server paced agrees with vllm bench serve as it stands', () => {
  const { tpot, itl, e2el } = figures.metrics
  expect(figures.completed).toBe(benchmark['completed'])
  expect(off(figures.duration_s, benchmark['duration']!)).toBeLessThan(0.001)
  for (const [ours, name, limit] of [
    [tpot, 'tpot', 0.002],
    [itl, 'itl', 0.02],
    [e2el, 'e2el', 0.021],
  ] as const) {
    expect(off(ours!.mean, benchmark[`mean_${name}_ms`]!)).toBeLessThan(limit)
    expect(off(ours!.p50, benchmark[`median_${name}_ms`]!)).toBeLessThan(limit)
  }
})

test('from where its clock starts to the first token at the relay, TTFT agrees, too', () => {
  const requests = benchmark.requests
  const before = requests.map(({ start_us: startUs }, at) => seen[at]!.atUs - startUs)
  const after = requests.map((each, at) => each.start_us + each.ttft_us - seen[at]!.firstUs)
  // Nothing reaches the relay before it was begun, or the client before the relay: the clocks are one.
  expect(Math.min(...before, ...after)).toBeGreaterThanOrEqual(0)
  const ours = requests.map(({ start_us: startUs }, at) => seen[at]!.firstUs - startUs)
  expect(off(mean(ours) / 1e3, benchmark['mean_ttft_ms']!)).toBeLessThan(0.02)
  expect(off(quantile(ours, 0.5) / 1e3, benchmark['median_ttft_ms']!)).toBeLessThan(0.02)
  expect(off(quantile(ours, 0.99) / 1e3, benchmark['p99_ttft_ms']!)).toBeLessThan(0.02)
  const whole = requests.map(({ start_us: startUs }, at) => seen[at]!.lastUs - startUs)
  expect(off(mean(whole) / 1e3, benchmark['mean_e2el_ms']!)).toBeLessThan(0.005)
})
