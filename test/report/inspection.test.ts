import { expect, test } from 'vitest'
import { formatInspection } from '../../src/report/inspection-text.ts'
import { inspectTrace } from '../../src/report/inspection.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { encodeChunkTokens } from '../../src/trace/chunk-tokens.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const SECOND = 1_000_000

/** One request a second; every fourth is hung up after two tokens. */
function steadyRows(count: number): Partial<RequestRow>[] {
  return Array.from({ length: count }, (_, index) => ({
    atUs: index * SECOND,
    lagUs: 0,
    uploadUs: 1_000,
    stream: true,
    promptTokens: 100 + index,
    outputTokens: index % 4 === 3 ? 2 : 3,
    tokenSource: index % 2 === 0 ? 'server' : 'stream',
    session: `s${index % 5}`,
    tenant: index % 10 === 0 ? 'small' : 'large',
    model: 'tiny',
    outcome: index % 4 === 3 ? 'client_abort' : 'ok',
    ttftUs: 50_000,
    e2eUs: 70_000,
    chunkTimes: encodeChunkTimes([50_000, 60_000, 70_000].slice(0, index % 4 === 3 ? 2 : 3)),
  }))
}

test('an inspection says how many, how fast, for whom, and how it went', async () => {
  const inspection = await inspectTrace(unsavedTrace({ requests: steadyRows(40) }))
  expect(inspection).toMatchObject({
    kind: 'recorded',
    arrivals: { n: 40, duration_s: 39, iat_cv: 0, quantum_us: SECOND, idc_1s: 0 },
    input: { n: 40, min: 100, max: 139, p50: 119.5 },
    output: { sum: 110 },
    outcomes: { ok: 30, client_abort: 10 },
    hung_up_after_tokens_p50: 2,
    token_sources: { server: 20, stream: 20 },
    sessions: { sessions: 5, single_turn_frac: 0, intra_session_gap_s: { n: 35, p50: 5 } },
    tenants: { count: 2, top_share: 0.9, top10_share: 1 },
    stream_share: 1,
  })
  expect(inspection.latency).toMatchObject({
    measured_at: 'relay',
    ttft_s: { n: 40, p50: 0.05 },
    e2e_s: { n: 30 },
    tpot_s: { p50: 0.01 },
    inter_token_s: { n: 70, p50: 0.01 },
  })
  const text = formatInspection(inspection)
  expect(text.split('\n').slice(0, 2)).toEqual([
    '40 requests in 39 s · 1.03/s · 1 model · 5 sessions · 2 tenants (top one 90 %)',
    '  recorded',
  ])
  expect(text).toContain('outcomes   75.0 % ok · 25.0 % hung up (median after 2 tokens)')
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true)
})

test('rates of a sample are scaled to all traffic, and it says so', async () => {
  const requests = steadyRows(200)
  const whole = await inspectTrace(unsavedTrace({ requests }))
  const capture = { policy: 'sizes', samplingShare: 0.1, sampledBy: 'session', notes: [] }
  const sample = await inspectTrace(unsavedTrace({ requests, header: { capture } }))
  expect(sample).toMatchObject({ sampling_share: 0.1, sampled_by: 'session' })
  expect(sample.arrivals.n).toBe(200)
  for (const [scaled, plain] of [
    [sample.arrivals.rate_n_over_dur, whole.arrivals.rate_n_over_dur],
    [sample.arrivals.rate_nm1_over_dur, whole.arrivals.rate_nm1_over_dur],
    [sample.drift[3]?.rate, whole.drift[3]?.rate],
    [sample.series.rate[3]?.per_s, whole.series.rate[3]?.per_s],
  ]) {
    expect(scaled).toBeCloseTo(10 * (plain ?? Number.NaN), 9)
  }
  expect(sample.arrivals.iat_mean).toBe(whole.arrivals.iat_mean)
  const text = formatInspection(sample)
  expect(text).toContain('10.1/s of all')
  expect(text).toContain('sample     10.0 % of sessions were kept')
  expect(formatInspection(whole)).not.toContain('sample')

  // Parts of different shares, merged: no one factor would be right.
  const mixed = { ...capture, sampledBy: null }
  const merged = await inspectTrace(unsavedTrace({ requests, header: { capture: mixed } }))
  expect(merged.arrivals.rate_n_over_dur).toBe(whole.arrivals.rate_n_over_dur)
  expect(formatInspection(merged)).toContain('sampled in different ways')
})

test('a prefix chain that an earlier request walked counts as seen, its tail does not', async () => {
  const blocks = [
    { id: 1n, parent: null, tokens: 16 },
    { id: 2n, parent: 1n, tokens: 16 },
    { id: 3n, parent: 1n, tokens: 10 },
  ]
  const requests = [
    { atUs: 0, promptTokens: 32, prefixLeaf: 2n, prefixBlocks: 2 },
    { atUs: 5, promptTokens: 26, prefixLeaf: 3n, prefixBlocks: 2 },
    { atUs: 9, promptTokens: 40, prefixLeaf: 2n, prefixBlocks: 2 },
    { atUs: 10, promptTokens: 2 },
  ]
  const { prefix } = await inspectTrace(unsavedTrace({ requests, blocks }))
  expect(prefix).toMatchObject({
    requests: 3,
    total_blocks: 6,
    unique_blocks: 3,
    prefix_hit_blocks: 3,
    requests_fully_cached_frac: 1 / 3,
    token_prefix_hit_ratio: 0.48,
    top_block_uses: 3,
    reuse_gap_s: { n: 1, max: 9e-6 },
  })
})

test('tokens that came in one event share its gap, and a stalled reader is kept out', async () => {
  const row = {
    stream: true,
    outcome: 'ok',
    chunkTimes: encodeChunkTimes([10, 50]),
    chunkTokens: encodeChunkTokens([1, 4]),
  }
  const { latency } = await inspectTrace(
    unsavedTrace({
      requests: [
        { ...row, ttftUs: 10, e2eUs: 50 },
        { ...row, stallUs: 5, chunkTimes: encodeChunkTimes([10, 99_000]) },
      ],
    }),
  )
  expect(latency?.inter_token_s).toMatchObject({ n: 4, p50: 10e-6, p99: 10e-6 })
})

test('an empty trace has no figures, and says so without failing', async () => {
  const inspection = await inspectTrace(unsavedTrace({ requests: [] }))
  expect(inspection).toMatchObject({ input: null, prefix: null, sessions: null, latency: null })
  expect(formatInspection(inspection)).toBe('0 requests in 0 ms · recorded\n')
  expect(JSON.stringify(inspection)).not.toContain('NaN')
})
