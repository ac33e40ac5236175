/** Small traces of which each part may be missing, drawn from a seed: documents of them show what may be null. */
import { sequenceFor } from '../../src/base/random.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { OUTCOMES, type RequestRow, type SampleRow } from '../../src/trace/columns.ts'
import type { UnsavedTrace } from './unsaved-trace.ts'

const KINDS = ['replayed', 'recorded', 'imported', 'synthetic'] as const
const COUNTS = [1, 3, 40, 120, 400] as const
const METRICS = [
  'vllm:num_requests_running',
  'vllm:kv_cache_usage_perc',
  'vllm:request_success_total',
  'vllm:prompt_tokens_total',
  'vllm:generation_tokens_total',
  'vllm:time_to_first_token_seconds_sum',
  'vllm:time_to_first_token_seconds_count',
  'http_requests_total',
  'trace:client_cpu_share',
  'trace:loop_delay_p99_us',
  'trace:throttled_count',
]

/** Seeds 0 … 39 meet each kind with each size twice. */
export function drawnTrace(seed: number): UnsavedTrace {
  const draw = sequenceFor(String(seed), 'drawn trace')
  const pick = <Value>(values: readonly Value[]) => values[Math.floor(draw() * values.length)]!
  const kind = KINDS[seed % KINDS.length]!
  const count = COUNTS[seed % COUNTS.length]!
  // A part is missing everywhere, here and there, or nowhere.
  const shares = new Map<string, number>()
  const isThere = (part: string) => {
    const share = shares.get(part) ?? pick([0, 0.7, 1])
    shares.set(part, share)
    return draw() < share
  }
  const maybe = <Value>(part: string, value: Value) => (isThere(part) ? value : null)
  const isMixed = draw() < 0.7
  let atUs = 0
  const requests = Array.from({ length: count }, (_, index): Partial<RequestRow> => {
    atUs += Math.round(draw() * 200_000)
    const outcome = isMixed && draw() < 0.2 ? pick(OUTCOMES) : 'ok'
    const ttftUs = Math.round(50_000 + draw() * 100_000)
    const gapUs = Math.round(draw() * 40_000)
    const isAnswered = outcome === 'ok' || outcome === 'client_abort'
    const first = isAnswered && isThere('ttft') ? ttftUs : null
    return {
      atUs,
      outcome,
      sourceSeq: kind === 'replayed' ? index : null,
      lagUs: maybe('lag', Math.round(draw() * 500)),
      uploadUs: maybe('upload', 20),
      connectUs: maybe('connect', Math.round(draw() * 300)),
      connection: maybe('connection', 'new'),
      stream: isThere('stream'),
      status: maybe('status', 200),
      finishReason: maybe('finish', 'length'),
      session: maybe('session', `s${index % 7}`),
      tenant: maybe('tenant', `t${index % 3}`),
      model: maybe('model', 'm'),
      promptTokens: maybe('prompt', 20 + Math.floor(draw() * 900)),
      cachedTokens: maybe('cached', 16),
      outputTokens: maybe('output', pick([1, 4])),
      tokenSource: maybe('source', 'server'),
      ttftUs: first,
      firstContentUs: first,
      e2eUs: isAnswered && isThere('e2e') ? ttftUs + 3 * gapUs : null,
      abortUs: outcome === 'client_abort' ? ttftUs + 4 * gapUs : null,
      chunkTimes:
        first !== null && isThere('chunks')
          ? encodeChunkTimes([0, 1, 2, 3].map((chunk) => ttftUs + chunk * gapUs))
          : null,
      serverQueueUs: maybe('server', Math.round(draw() * 1_000)),
      serverTtftUs: maybe('server', ttftUs - 2_000),
    }
  })
  const samples = METRICS.filter(() => draw() < 0.6).flatMap((metric) =>
    samplesOf(metric, atUs, draw),
  )
  return {
    kind,
    requests,
    samples,
    isComplete: draw() < 0.8,
    events: draw() < 0.5 ? [{ atUs: 3, kind: 'mark', detail: null }] : [],
    header: {
      seed: draw() < 0.5 ? null : '7',
      transforms: [{ name: 'any', arguments: { text: 'x', none: null, list: [1] } }],
    },
  }
}

function samplesOf(metric: string, endUs: number, draw: () => number): SampleRow[] {
  const labels = metric.startsWith('trace:')
    ? null
    : '{"finished_reason":"stop","handler":"/v1/completions","method":"POST"}'
  const times = draw() < 0.2 ? [0] : [0, endUs]
  return times.map((atUs, index) => ({ atUs, metric, labels, value: 100 * index * draw() }))
}
