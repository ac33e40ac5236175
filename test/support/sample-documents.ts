/** Reports and inspections of traces that between them have everything, and nothing. */
import { METRIC_PROFILES } from '../../src/report/metric-profile.ts'
import { inspectTrace } from '../../src/report/inspection.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { buildReport } from '../../src/report/report.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { drawnTrace } from './drawn-traces.ts'
import { unsavedTrace, type UnsavedTrace } from './unsaved-trace.ts'

const COUNT = 800

function rows(kind: 'recorded' | 'replayed'): Partial<RequestRow>[] {
  return Array.from({ length: COUNT }, (_, index) => {
    const jitterUs = ((index * 7_919) % 1_009) * 1_000
    const ttftUs = 100_000 + ((index * 104_729) % 1_013) * 100
    return {
      atUs: index * 400_000 + jitterUs + (index > 500 ? 20_000_000 : 0),
      lagUs: kind === 'recorded' ? 0 : 60,
      uploadUs: 20,
      connectUs: 100,
      connection: 'new',
      sourceSeq: kind === 'recorded' ? null : index,
      stream: true,
      status: index % 50 === 9 ? 503 : 200,
      outcome: index % 50 === 9 ? 'http_error' : index % 40 === 3 ? 'client_abort' : 'ok',
      finishReason: 'length',
      session: index % 3 === 0 ? null : `s${index % 31}`,
      tenant: `t${index % 4}`,
      model: 'm',
      adapter: 'lora',
      promptTokens: 50 + (index % 97),
      cachedTokens: 16,
      outputTokens: 3,
      tokenSource: 'server',
      ttftUs,
      firstContentUs: ttftUs + 10,
      e2eUs: ttftUs + 20_000,
      abortUs: index % 40 === 3 ? ttftUs + 30_000 : null,
      chunkTimes: encodeChunkTimes([ttftUs, ttftUs + 9_000, ttftUs + 20_000]),
      prefixLeaf: index % 2 === 0 ? 2n : 3n,
      prefixBlocks: 2,
      serverQueueUs: 5,
      serverTtftUs: 90,
    } as const
  })
}

const SERVER = [
  'vllm:num_requests_running',
  'vllm:num_requests_waiting',
  'vllm:kv_cache_usage_perc',
]
const COUNTERS = [
  'vllm:request_success_total',
  'http_requests_total',
  'vllm:prompt_tokens_total',
  'vllm:generation_tokens_total',
  'vllm:num_preemptions_total',
  'vllm:spec_decode_num_draft_tokens_total',
  'vllm:prefix_cache_hits_total',
  'vllm:prefix_cache_queries_total',
  ...[
    'time_to_first_token',
    'request_queue_time',
    'request_prefill_time',
    'request_decode_time',
    'e2e_request_latency',
  ].flatMap((name) => [`vllm:${name}_seconds_sum`, `vllm:${name}_seconds_count`]),
]
const CLIENT = [
  'client_cpu_share',
  'loop_delay_p99_us',
  'loop_utilization',
  'gc_pause_max_us',
  'throttled_count',
  'clock_step_us',
]

const full = (kind: 'recorded' | 'replayed'): UnsavedTrace => ({
  kind,
  header: {
    planSha256: 'aa',
    rowDigest: 'bb',
    seed: '7',
    licence: 'MIT',
    transforms: [{ name: 'speed', arguments: { speed: 2 } }],
    server: {
      ...unsavedTrace({ requests: [] }).header.server,
      software: 'vLLM',
      version: '0.32.0',
      fingerprint: kind,
    },
  },
  requests: rows(kind),
  blocks: [
    { id: 1n, parent: null, tokens: 16 },
    { id: 2n, parent: 1n, tokens: 16 },
    { id: 3n, parent: 1n, tokens: 16 },
  ],
  events: [
    { atUs: 5, kind: 'mark', detail: null },
    {
      atUs: 9,
      kind: 'fidelity',
      detail: JSON.stringify({ planned: COUNT, sent: COUNT, promptExact: COUNT }),
    },
  ],
  gaps: [{ fromUs: 1, toUs: 2, reason: 'busy', count: 3 }],
  samples: [
    ...probes(),
    ...[0, 100_000_000, 300_000_000].flatMap((atUs, index) => [
      ...SERVER.map((metric) => ({
        atUs,
        metric,
        labels: '{"engine":"0"}',
        value: index === 1 ? 1 : 0,
      })),
      // Servers differ in what they count: each figure may be missing.
      ...(kind === 'replayed' ? COUNTERS : []).map((metric) => ({
        atUs,
        metric,
        labels: '{"finished_reason":"length","handler":"/v1/x","method":"POST"}',
        value: 100 * index,
      })),
      ...CLIENT.map((name) => ({ atUs, metric: `trace:${name}`, labels: null, value: 0.1 })),
    ]),
  ],
})

function probes() {
  const values = { sent: 1, ttft_us: 120_000, prompt_tokens: 80, output_tokens: 2 }
  return Array.from({ length: 10 }, (_, index) =>
    Object.entries(values).map(([name, value]) => ({
      atUs: 10_000_000 * index,
      metric: `trace:probe_${name}`,
      labels: null,
      value,
    })),
  ).flat()
}

const EMPTY: UnsavedTrace = { kind: 'imported', requests: [] }
const FEW: UnsavedTrace = {
  kind: 'imported',
  requests: rows('recorded')
    .slice(0, 3)
    .map(({ atUs }) => ({ atUs: atUs! })),
}

/** So many that each percentile can be bounded. */
const MANY: UnsavedTrace = {
  kind: 'imported',
  requests: Array.from({ length: 3_700 }, (_, index) => ({
    atUs: index * 1_000,
    outcome: 'ok',
    e2eUs: 1_000 + ((index * 7_919) % 10_007),
  })),
}

const COST = { shift_us: 800, low_us: 700, high_us: 900 }
const COSTS = { p50: COST, p95: COST, p99: COST }
const CALIBRATION = {
  schema_version: 1,
  fingerprint: 'replayed',
  pairs: 700,
  place: { ttft_due: COSTS, tpot: COSTS, e2e_due: { ...COSTS, p99: null } },
}

/** Documents of traces of which anything may be missing. */
export async function drawnReport(seed: number) {
  const drawn = drawnTrace(seed)
  const run = unsavedTrace(drawn)
  const isReplay = run.header.kind === 'replayed'
  return buildReport(run, isReplay ? unsavedTrace(drawnTrace(seed + 1)) : null, {
    objectives: ['ttft.p50<90ms', 'tpot.p95<20ms', 'completed>1/s', 'e2e.mean<1s'].flatMap(
      parseObjectives,
    ),
    profile: METRIC_PROFILES[seed % METRIC_PROFILES.length]!,
    window: seed % 3 === 0 && drawn.requests.length > 30 ? { warmupUs: 1, drainUs: 1 } : null,
  })
}

export async function drawnInspection(seed: number) {
  return inspectTrace(unsavedTrace(drawnTrace(seed)))
}

const DRAWN = Array.from({ length: 40 }, (_, seed) => seed)

export async function sampleReports() {
  const options = {
    objectives: [
      'ttft.p95<1s',
      'tpot.p99.9<1us',
      'error_rate<1%',
      'ttft.p50<1ms',
      'ttft.p99.9<9s',
    ].flatMap(parseObjectives),
    profile: 'vllm' as const,
    calibration: CALIBRATION,
    window: { warmupUs: 1_000_000, drainUs: 1_000_000 },
  }
  const [run, recording] = [unsavedTrace(full('replayed')), unsavedTrace(full('recorded'))]
  return [
    await buildReport(run, recording, options),
    await buildReport(recording, null),
    await buildReport(unsavedTrace(EMPTY), unsavedTrace(EMPTY), options),
    await buildReport(unsavedTrace(FEW), unsavedTrace(FEW), { ...options, window: null }),
    await buildReport(unsavedTrace(MANY), null),
    ...(await Promise.all(DRAWN.map(drawnReport))),
  ]
}

export async function sampleInspections() {
  const question = {
    capacities: [1_024],
    rule: 'engine',
    window: 'all',
    blockTokens: null,
  } as const
  return [
    await inspectTrace(unsavedTrace(full('recorded')), question),
    await inspectTrace(
      unsavedTrace({
        ...full('recorded'),
        requests: rows('recorded').map((row) => ({ ...row, atUs: row.atUs! * 600 })),
      }),
    ),
    await inspectTrace(unsavedTrace(EMPTY)),
    await inspectTrace(unsavedTrace(FEW), question),
    ...(await Promise.all(DRAWN.map(drawnInspection))),
  ]
}
