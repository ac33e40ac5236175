/** A recorder's figures as Prometheus reads them. Effects: none of its own; reads on each scrape. */
import { processCpuUs, processMemoryBytes } from '../base/machine.ts'
import type { RecordControl } from '../record/control.ts'
import type { RecordStatus } from '../record/record-text.ts'
import { LIVE_LATENCIES } from '../replay/live-results.ts'
import { ANSWER_EDGES, type EdgeRange, FigurePage } from './figure-page.ts'

type Figure = Readonly<{
  name: string
  help: string
  value: (status: RecordStatus, control: RecordControl) => number
}>

const COUNTERS: readonly Figure[] = [
  {
    name: 'trace_record_requests_total',
    help: 'Requests begun on recorded endpoints',
    value: ({ counts }) => counts.requests,
  },
  {
    name: 'trace_record_recorded_total',
    help: 'Rows written with their end',
    value: ({ counts }) => counts.recorded,
  },
  {
    name: 'trace_record_unrecorded_total',
    help: 'Requests without a whole row',
    value: ({ unrecorded }) => unrecorded,
  },
  {
    name: 'trace_record_hung_up_total',
    help: 'Requests whose client left',
    value: ({ counts }) => counts.hungUp,
  },
  {
    name: 'trace_record_failed_total',
    help: 'Requests that ended otherwise than ok',
    value: ({ counts }) => counts.failed,
  },
  {
    name: 'trace_record_passed_total',
    help: 'Requests of other endpoints, passed on',
    value: ({ counts }) => counts.passed,
  },
  {
    name: 'trace_record_server_counted_total',
    help: "Rows with the server's own token counts",
    value: ({ counts }) => counts.serverCounted,
  },
  {
    name: 'trace_record_gap_rows_total',
    help: 'Rows of the gap table',
    value: ({ counts }) => counts.gapRows,
  },
  {
    name: 'trace_record_cpu_seconds_total',
    help: 'CPU time of all threads',
    value: () => processCpuUs() / 1_000_000,
  },
]

const GAUGES: readonly Figure[] = [
  {
    name: 'trace_record_in_flight',
    help: 'Recorded requests under way',
    value: ({ counts }) => counts.inFlight,
  },
  {
    name: 'trace_record_connections',
    help: 'Client connections',
    value: ({ connections }) => connections,
  },
  {
    name: 'trace_record_degraded',
    help: '1 while requests pass unrecorded',
    value: ({ degraded }) => (degraded === null ? 0 : 1),
  },
  {
    name: 'trace_record_paused',
    help: '1 while recording is switched off',
    value: (_status, { isPaused }) => (isPaused ? 1 : 0),
  },
  {
    name: 'trace_record_segments',
    help: 'Segments on disk',
    value: ({ counts }) => counts.segments,
  },
  {
    name: 'trace_record_disk_bytes',
    help: 'Size of all segments',
    value: ({ counts }) => counts.fileBytes,
  },
  {
    name: 'trace_record_memory_bytes',
    help: 'Resident memory of the process',
    value: () => processMemoryBytes(),
  },
]

/** Of what is added to a chunk: from 10 µs to 10 s. */
const DELAY_EDGES: EdgeRange = { fromUs: 10, toUs: 12_000_000 }

const LATENCIES = {
  ttft_due: ['trace_record_ttft_seconds', 'Time to first token of streams, from sent'],
  tpot: ['trace_record_tpot_seconds', 'Time per output token after the first'],
  e2e_due: ['trace_record_e2e_seconds', 'To the end of answers that ended well, from sent'],
} as const

const TOKENS = [
  ['promptTokens', 'trace_record_prompt_tokens_total', 'Tokens of ended requests: prompt'],
  ['cachedTokens', 'trace_record_cached_tokens_total', 'Tokens of ended requests: cached'],
  ['outputTokens', 'trace_record_output_tokens_total', 'Tokens of ended requests: output'],
] as const

export async function adminMetrics(control: RecordControl): Promise<string> {
  const page = new FigurePage()
  const status = control.status()
  const { answers } = control
  for (const { name, help, value } of COUNTERS) page.counter(name, help, value(status, control))
  for (const { name, help, value } of GAUGES) page.gauge(name, help, value(status, control))
  for (const [of, name, help] of TOKENS) page.counter(name, help, answers.total(of))
  for (const latency of LIVE_LATENCIES) {
    const [name, help] = LATENCIES[latency]
    page.latency(name, help, answers.latency(latency), ANSWER_EDGES)
  }
  const help = 'Added to a chunk by the relay'
  page.latency('trace_record_added_seconds', help, status.delays, DELAY_EDGES)
  return page.text()
}
