import { expect, test } from 'vitest'
import { perfSummaryWriter } from '../../src/formats/perf-summary-writer.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { memoryTrace } from '../support/memory-trace.ts'

async function summaryOf(rows: readonly Partial<RequestRow>[]) {
  const parts: string[] = []
  const output = { write: async (text: unknown) => void parts.push(String(text)), beside: () => {} }
  const result = await perfSummaryWriter.write(memoryTrace({ rows }), output, {
    output: 'x',
    consumer: null,
  })
  return { result, summary: JSON.parse(parts.join('')) as unknown }
}

/** Three tokens, at 125, 250 and 500 ms from sent; due at `atUs`, sent 15.625 ms later. */
const streamed = (seq: number, atUs: number): Partial<RequestRow> => ({
  seq,
  atUs,
  lagUs: 15_625,
  uploadUs: 0,
  endpoint: 'completions',
  promptTokens: 100 + seq,
  outputTokens: 3,
  outcome: 'ok',
  ttftUs: 125_000,
  e2eUs: 500_000,
  chunkTimes: encodeChunkTimes(Float64Array.of(125_000, 250_000, 500_000)),
})

const same = (value: number) => ({
  mean: value,
  min: value,
  'p0.1': value,
  p1: value,
  p5: value,
  p10: value,
  p25: value,
  median: value,
  p75: value,
  p90: value,
  p95: value,
  p99: value,
  'p99.9': value,
  max: value,
})

test("a result has that tool's keys, in seconds, by its formulas", async () => {
  const { summary, result } = await summaryOf([streamed(0, 0), streamed(1, 1_000_000)])
  expect(result).toMatchObject({ rowCount: 2 })
  expect(summary).toEqual({
    load_summary: { count: 2, schedule_delay: same(0.015625) },
    successes: {
      count: 2,
      latency: {
        request_latency: same(0.5),
        normalized_time_per_output_token: same(0.5 / 3),
        time_per_output_token: same(0.1875),
        time_to_first_token: same(0.125),
        inter_token_latency: {
          mean: 0.1875,
          min: 0.125,
          'p0.1': 0.125,
          p1: 0.125,
          p5: 0.125,
          p10: 0.125,
          p25: 0.125,
          median: 0.1875,
          p75: 0.25,
          p90: 0.25,
          p95: 0.25,
          p99: 0.25,
          'p99.9': 0.25,
          max: 0.25,
        },
      },
      throughput: {
        input_tokens_per_sec: 201 / 1.5,
        output_tokens_per_sec: 6 / 1.5,
        total_tokens_per_sec: 207 / 1.5,
        requests_per_sec: 2 / 1.5,
      },
      prompt_len: expect.objectContaining({ mean: 100.5, min: 100, max: 101 }) as object,
      output_len: same(3),
    },
    failures: { count: 0, request_latency: null, prompt_len: null },
  })
})

test('failures are counted apart; what that tool does not know is left out and named', async () => {
  const { summary, result } = await summaryOf([
    streamed(0, 0),
    { ...streamed(1, 10), outcome: 'http_error', e2eUs: null, ttftUs: null, chunkTimes: null },
    { ...streamed(2, 20), outcome: 'client_abort' },
    { ...streamed(3, 30), outcome: 'not_sent' },
  ])
  expect(summary).toMatchObject({
    load_summary: { count: 2 },
    successes: { count: 1 },
    failures: { count: 1, request_latency: null, prompt_len: same(101) },
  })
  expect([...result.skipped.values()]).toEqual([1, 1])
})

test('nothing at all is no division by zero', async () => {
  const { summary } = await summaryOf([])
  expect(summary).toMatchObject({
    load_summary: { count: 0, schedule_delay: null },
    successes: { count: 0, throughput: { requests_per_sec: 0 } },
  })
})
