/** One side of a report in figures: how many, how fast, how much came through. Pure. */
import { groupedMetricOf, groupReplicates, type Metric, metricOf } from './metric.ts'
import { PER_REQUEST, present } from './latency-watch.ts'
import type { SideWatch } from './side-watch.ts'
import { outcomeClass } from '../trace/outcome-class.ts'

export const METRIC_NAMES = [
  'ttft_due',
  'ttft',
  'ttfc',
  'itl',
  'icl',
  'tpot',
  'e2e_due',
  'e2e',
  'ntpot',
  'lag',
  'connect',
] as const
export type MetricName = (typeof METRIC_NAMES)[number]

export type Side = Readonly<{
  requests: Readonly<{
    total: number
    ok: number
    hung_up: number
    failed: number
    /** In flight when the run ended, or their end was never seen: no failure either. */
    end_unseen: number
    /** Left out by our own limits, or by an end before their time: no failure of the server. */
    not_sent: number
    by_outcome: Record<string, number>
    by_status: Record<string, number>
    by_finish_reason: Record<string, number>
    by_token_source: Record<string, number>
  }>
  throughput: Throughput
  metrics: Readonly<Record<MetricName, Metric | null>>
  /** Streams left out of itl and icl because their reader was slow. */
  stalled: number
  new_connections: number
  tokens: Readonly<{ prompt: number; cached: number; output: number }>
}>

/** Over `window_s`, first due to last token or hang-up; `offered_per_s` over first due to last due. */
export type Throughput = Readonly<{
  window_s: number
  offered_per_s: number | null
  completed_per_s: number | null
  prompt_tokens_per_s: number | null
  output_tokens_per_s: number | null
}>

export function sideOf(watch: SideWatch): Side {
  const { outcomes, latency } = watch
  const total = watch.columns.at.length
  const kinds = { whole: 0, failed: 0, hung_up: 0, unseen: 0, not_sent: 0 }
  for (const [outcome, count] of outcomes.sorted()) kinds[outcomeClass(outcome)] += count
  const tokens = {
    prompt: watch.promptTokens,
    cached: sumOf(watch.columns.cached.view()),
    output: sumOf(watch.columns.output.view()),
  }
  return {
    requests: {
      total,
      ok: kinds.whole,
      hung_up: kinds.hung_up,
      failed: kinds.failed,
      end_unseen: kinds.unseen,
      not_sent: kinds.not_sent,
      by_outcome: outcomes.toObject(),
      by_status: watch.statuses.toObject(),
      by_finish_reason: watch.finishReasons.toObject(),
      by_token_source: watch.tokenSources.toObject(),
    },
    throughput: throughputOf(watch, kinds.whole, tokens),
    metrics: metricsOf(watch),
    stalled: latency.stalledCount,
    new_connections: latency.newConnectionCount,
    tokens,
  }
}

/** Whole answers among the requests that were sent and whose end was seen. */
export function okShare({ ok, total, not_sent, end_unseen }: Side['requests']): number {
  return ok / Math.max(1, total - not_sent - end_unseen)
}

function metricsOf({ latency }: SideWatch): Record<MetricName, Metric | null> {
  const [ttft, ttftDue, ttfc, e2e, e2eDue, tpot, ntpot, lag, connect] = PER_REQUEST.map((name) =>
    metricOf(present(latency.columns[name])),
  )
  const replicates = groupReplicates(latency.tokenGroups)
  const grouped = (sketch: typeof latency.interToken) =>
    groupedMetricOf(sketch, replicates, latency.streamCount)
  return {
    ttft_due: ttftDue ?? null,
    ttft: ttft ?? null,
    ttfc: ttfc ?? null,
    itl: grouped(latency.interToken),
    icl: grouped(latency.interChunk),
    tpot: tpot ?? null,
    e2e_due: e2eDue ?? null,
    e2e: e2e ?? null,
    ntpot: ntpot ?? null,
    lag: lag ?? null,
    connect: connect ?? null,
  }
}

function throughputOf(watch: SideWatch, ok: number, tokens: Side['tokens']): Throughput {
  const at = watch.columns.at.view()
  const firstUs = at[0] ?? 0
  const lastDueUs = at.at(-1) ?? 0
  const lastEndUs = watch.columns.end
    .view()
    .reduce((latest, us) => (us > latest ? us : latest), lastDueUs)
  const windowS = (lastEndUs - firstUs) / 1e6
  const dueS = (lastDueUs - firstUs) / 1e6
  return {
    window_s: windowS,
    offered_per_s: ratio(at.length, dueS),
    completed_per_s: ratio(ok, windowS),
    prompt_tokens_per_s: ratio(tokens.prompt, windowS),
    output_tokens_per_s: ratio(tokens.output, windowS),
  }
}

function ratio(count: number, seconds: number): number | null {
  return seconds > 0 ? count / seconds : null
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + (value || 0), 0)
}
