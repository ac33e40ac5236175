import { expect, test } from 'vitest'
import { parseProfile, profileFigures } from '../../src/report/metric-profile.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

/** Two answers of three tokens, sent 1 ms after they were due, whose upload took 2 ms. */
const trace = (endpoint: string) =>
  unsavedTrace({
    kind: 'replayed',
    requests: [0, 1].map((index) => ({
      atUs: index * 1_000_000,
      endpoint,
      lagUs: 1_000,
      uploadUs: 2_000,
      stream: true,
      outcome: 'ok',
      outputTokens: 3,
      ttftUs: 98_000,
      firstContentUs: 108_000,
      e2eUs: 138_000,
      chunkTimes: encodeChunkTimes([98_000, 108_000, 138_000]),
    })),
  })

test('each tool starts at the first byte written: the upload counts, our lateness does not', async () => {
  const {
    metrics,
    completed,
    duration_s: durationS,
  } = await profileFigures(trace('completions'), 'vllm')
  expect({ completed, durationS }).toEqual({ completed: 2, durationS: 1.14 })
  expect(metrics['ttft']).toMatchObject({ n: 2, mean: 100 })
  expect(metrics['e2el']).toMatchObject({ mean: 140 })
  expect(metrics['tpot']).toMatchObject({ mean: 20 })
  expect(metrics['itl']).toMatchObject({ n: 4, mean: 20, p50: 20 })
})

test("in chat vLLM's benchmark counts the event that names the role as a gap of nothing", async () => {
  const { metrics } = await profileFigures(trace('chat'), 'vllm')
  expect(metrics['itl']).toMatchObject({ n: 6, p50: 10 })
})

test('one name, several quantities: each tool gets its own', async () => {
  const [aiperf, guidellm, perf] = await Promise.all(
    (['aiperf', 'guidellm', 'inference-perf'] as const).map((name) =>
      profileFigures(trace('completions'), name),
    ),
  )
  expect(aiperf!.metrics['inter_token_latency']!.mean).toBe(20)
  expect(aiperf!.metrics['inter_chunk_latency']!.n).toBe(4)
  expect(guidellm!.metrics['time_per_output_token_ms']!.mean).toBeCloseTo(140 / 3, 2)
  expect(guidellm!.metrics['time_to_first_output_token_ms']!.mean).toBe(110)
  expect(perf!.metrics['normalized_time_per_output_token']!.mean).toBeCloseTo(140 / 3, 2)
  expect(() => parseProfile('wrk')).toThrow(/--metric-profile/)
})
