/** Replays that never were, good ones and faulty ones, for measuring how often the verdict is right. */
import { sequenceFor } from '../../src/base/random.ts'
import type { RequestRow, SampleRow } from '../../src/trace/columns.ts'
import type { UnsavedTrace } from './unsaved-trace.ts'

type FaultName = keyof typeof FAULTS

type Parts = {
  rows: Partial<RequestRow>[]
  rises: Record<string, number>
  client: Record<string, number>
  delivery: Record<string, number>
  isComplete: boolean
}

/** Each as strong as it is worth noticing, or stronger; `strength` from 0 to 1. */
const FAULTS = {
  late: ({ rows }: Parts, strength: number) => {
    for (const row of rows) row.lagUs! += 2_000 + 30_000 * strength
  },
  stalled_loop: ({ rows, client }: Parts, strength: number) => {
    client['trace:loop_delay_p99_us'] = 8_000 + 80_000 * strength
    rows.forEach((row, index) => {
      if (index % 40 < 3) row.lagUs! += 10_000 + 90_000 * strength
    })
  },
  starved: ({ client }: Parts, strength: number) => {
    client['trace:client_cpu_share'] = 0.75 + 0.25 * strength
  },
  throttled: ({ client }: Parts, strength: number) => {
    client['trace:throttled_count'] = 1 + Math.round(50 * strength)
  },
  foreign_load: ({ rises, rows }: Parts, strength: number) => {
    const foreign = 1 + Math.round(rows.length * strength)
    rises['http_requests_total']! += foreign
    rises['vllm:request_success_total']! += foreign
    rises['vllm:generation_tokens_total']! += foreign * 20
  },
  restarted: ({ rises }: Parts) => {
    rises['vllm:generation_tokens_total'] = -5_000
  },
  wrong_tokens: ({ delivery, rows }: Parts, strength: number) => {
    const off = Math.ceil(rows.length * (0.02 + 0.5 * strength))
    delivery['outputOff'] = off
    delivery['outputExact']! -= off
  },
  truncated: (parts: Parts) => {
    parts.isComplete = false
  },
  clock_step: ({ client }: Parts, strength: number) => {
    client['trace:clock_step_us'] = 6_000 + 1e6 * strength
  },
  errors: ({ rows }: Parts, strength: number) => {
    const every = Math.max(2, Math.round(40 - 38 * strength))
    rows.forEach((row, index) => {
      if (index % every === 1)
        Object.assign(row, { outcome: 'http_error', e2eUs: null, ttftUs: null })
    })
  },
  dropped: ({ delivery }: Parts, strength: number) => {
    delivery['dropped'] = 1 + Math.round(20 * strength)
  },
} as const

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]

/** A Poisson load on one queue at half its capacity, a thousand requests or so. */
export function seededRun(seed: number, fault: FaultName | null): UnsavedTrace {
  const draw = sequenceFor(String(seed), 'seeded run')
  const exponential = (mean: number) => -Math.log(1 - draw()) * mean
  const count = 400 + Math.floor(draw() * 600)
  const gapUs = 20_000 + draw() * 60_000
  const serviceUs = gapUs * (0.2 + 0.3 * draw())
  let [atUs, freeUs] = [0, 0]
  const rows = Array.from({ length: count }, (_, index): Partial<RequestRow> => {
    atUs += Math.round(exponential(gapUs))
    const lagUs = Math.round(20 + exponential(60))
    const startUs = Math.max(atUs + lagUs, freeUs)
    freeUs = startUs + exponential(serviceUs)
    const ttftUs = Math.round(freeUs - atUs - lagUs + 8_000)
    const outputTokens = 2 + Math.floor(draw() * 60)
    return {
      atUs,
      lagUs,
      sourceSeq: index,
      uploadUs: 30,
      connectUs: 150,
      connection: 'new',
      stream: true,
      status: 200,
      outcome: 'ok',
      tokenSource: 'server',
      promptTokens: 20 + Math.floor(draw() * 500),
      outputTokens,
      ttftUs,
      e2eUs: ttftUs + Math.round(outputTokens * (9_000 + exponential(1_000))),
    }
  })
  const sum = (pick: (row: Partial<RequestRow>) => number) =>
    rows.reduce((total, row) => total + pick(row), 0)
  const parts: Parts = {
    rows,
    rises: {
      'vllm:request_success_total': count,
      http_requests_total: count,
      'vllm:prompt_tokens_total': sum((row) => row.promptTokens!),
      'vllm:generation_tokens_total': sum((row) => row.outputTokens!),
      'vllm:time_to_first_token_seconds_sum': sum((row) => row.ttftUs!) / 1e6 - count * 0.002,
      'vllm:time_to_first_token_seconds_count': count,
    },
    client: {
      'trace:client_cpu_share': 0.1 + 0.4 * draw(),
      'trace:throttled_count': 0,
      'trace:loop_delay_p99_us': 500 + exponential(500),
      'trace:loop_utilization': 0.3,
      'trace:gc_pause_max_us': 1_000 + exponential(1_000),
      'trace:clock_step_us': exponential(300),
    },
    delivery: {
      planned: count,
      sent: count,
      dropped: 0,
      promptExact: count,
      promptOff: 0,
      promptTokens: 0,
      promptTokensOff: 0,
      outputTokens: 0,
      outputTokensOff: 0,
      outputExact: count,
      outputOff: 0,
      hungUp: 0,
      hangUpMissed: 0,
    },
    isComplete: true,
  }
  if (fault !== null) FAULTS[fault](parts, draw())
  return traceOf(parts)
}

function traceOf({ rows, rises, client, delivery, isComplete }: Parts): UnsavedTrace {
  const labels = JSON.stringify({ handler: '/v1/completions', method: 'POST' })
  const samples: SampleRow[] = [
    ...Object.entries(rises).flatMap(([metric, rise]) => [
      { atUs: 0, metric, labels, value: 10_000 },
      { atUs: 1e9, metric, labels, value: 10_000 + rise },
    ]),
    { atUs: 0, metric: 'trace:throttled_count', labels: null, value: 0 },
    ...Object.entries(client).map(([metric, value]) => ({
      atUs: 5e5,
      metric,
      labels: null,
      value,
    })),
  ]
  const events = [{ atUs: 1e9, kind: 'fidelity', detail: JSON.stringify(delivery) }]
  return { kind: 'replayed', requests: rows, samples, events, isComplete }
}
