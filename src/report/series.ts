/** What a report's pictures are drawn from: a few hundred points, however long the run. Pure. */
import type { EventRow, SampleRow } from '../trace/columns.ts'
import { OUTCOMES } from '../trace/columns.ts'
import { classOfCode } from '../trace/outcome-class.ts'
import { rowsWhere } from '../stats/growing.ts'
import { quantileOfSorted, quantiles } from '../stats/quantile.ts'
import { type PerRequestName, present } from './latency-watch.ts'
import { type FlowPoint, flowOf } from './flow-series.ts'
import type { SideWatch } from './side-watch.ts'

export type TimePoint = Readonly<{
  /** Start of the bucket, seconds since the origin. */
  t_s: number
  due: number
  failed: number
  hung_up: number
  ttft_p50_us: number | null
  ttft_p95_us: number | null
  lag_max_us: number | null
}>

/** One request, as a dot. */
export type RequestPoint = Readonly<{ t_s: number; prompt: number | null; ttft_us: number }>

/** Cumulative share against µs; `band` is half the width of its 95 % band (DKW), as a share. */
export type Ecdf = Readonly<{ x: readonly number[]; share: readonly number[]; band: number }>

export type ReportSeries = Readonly<{
  bucket_s: number
  time: readonly TimePoint[]
  flow: readonly FlowPoint[]
  /** Evenly picked where there are more than can be told apart. */
  points: readonly RequestPoint[]
  ecdf: Readonly<Partial<Record<PerRequestName, Ecdf>>>
  by_length: readonly Readonly<{ prompt: number; n: number; p50: number; p95: number }>[]
  server: readonly Readonly<{ t_s: number; running: number; waiting: number; kv: number }>[]
  events: readonly Readonly<{ t_s: number; kind: string }>[]
  slowest: readonly SlowRequest[]
}>

export type SlowRequest = Readonly<{
  seq: number
  source_seq: number | null
  due_s: number
  prompt: number | null
  output: number | null
  outcome: string
  lag_us: number
  ttft_us: number | null
  e2e_us: number
}>

const BUCKETS = 120
const ECDF_POINTS = 240
const LENGTH_BINS = 24
const SLOWEST = 12
const MAX_EVENTS = 60

export function seriesOf(
  watch: SideWatch,
  samples: readonly SampleRow[],
  events: readonly EventRow[],
): ReportSeries {
  const at = watch.columns.at.view()
  const lastUs = at.at(-1) ?? 0
  const bucketUs = bucketOf(lastUs - (at[0] ?? 0), at.length)
  return {
    bucket_s: bucketUs / 1e6,
    time: timeline(watch, bucketUs),
    flow: flowOf(watch),
    points: pointsOf(watch),
    ecdf: Object.fromEntries(
      (['ttftDue', 'tpot', 'e2eDue', 'lag'] as const).flatMap((name) => {
        const values = present(watch.latency.columns[name])
        return values.length === 0 ? [] : [[name, ecdfOf(values)]]
      }),
    ),
    by_length: byLength(watch),
    server: serverSeries(samples),
    events: events
      .filter(({ kind }) => kind !== 'fidelity')
      .slice(0, MAX_EVENTS)
      .map(({ atUs, kind }) => ({ t_s: atUs / 1e6, kind })),
    slowest: slowest(watch),
  }
}

const STEPS_S = [
  0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 43_200, 86_400,
]
/** A median of fewer requests jumps about. */
const PER_BUCKET = 12

/** A round length that cuts the span into at most 120, with a dozen requests in each. */
function bucketOf(spanUs: number, count: number): number {
  const most = Math.max(4, Math.min(BUCKETS, count / PER_BUCKET))
  const found = STEPS_S.find((seconds) => seconds * 1e6 * most >= spanUs) ?? spanUs / 1e6 / most
  return found * 1e6
}

function timeline(watch: SideWatch, bucketUs: number): TimePoint[] {
  const { at, outcome } = viewsOf(watch)
  const firstUs = Math.floor((at[0] ?? 0) / bucketUs) * bucketUs
  const bucketOfRow = (row: number) => Math.floor((at[row]! - firstUs) / bucketUs)
  const bucketCount = at.length === 0 ? 0 : bucketOfRow(at.length - 1) + 1
  let to = 0
  return Array.from({ length: bucketCount }, (_, bucket) => {
    const from = to
    while (to < at.length && bucketOfRow(to) <= bucket) to += 1
    const pick = (values: Float64Array) =>
      values.subarray(from, to).filter((value) => !Number.isNaN(value))
    const [p50, p95] = quantiles(pick(watch.latency.columns.ttftDue.view()), [0.5, 0.95])
    const kinds = Array.from(outcome.subarray(from, to), classOfCode)
    return {
      t_s: (firstUs + bucket * bucketUs) / 1e6,
      due: to - from,
      failed: kinds.filter((kind) => kind === 'failed').length,
      hung_up: kinds.filter((kind) => kind === 'hung_up').length,
      ttft_p50_us: orNull(p50),
      ttft_p95_us: orNull(p95),
      lag_max_us: largest(pick(watch.latency.columns.lag.view())),
    }
  })
}

const MAX_POINTS = 1_200

function pointsOf(watch: SideWatch): RequestPoint[] {
  const { at } = viewsOf(watch)
  const [ttft, prompt] = [watch.latency.columns.ttftDue.view(), watch.columns.prompt.view()]
  const rows = rowsWhere(ttft.length, (row) => !Number.isNaN(ttft[row]!))
  const step = Math.max(1, Math.ceil(rows.length / MAX_POINTS))
  return Array.from(rows.filter((_, index) => index % step === 0)).map((row) => ({
    t_s: at[row]! / 1e6,
    prompt: orNull(prompt[row]),
    ttft_us: ttft[row]!,
  }))
}

function viewsOf({ columns }: SideWatch) {
  return {
    at: columns.at.view(),
    outcome: columns.outcome.view(),
    end: columns.end.view(),
    output: columns.output.view(),
  }
}

/** Points are dense in the tail: half of them above p90. */
export function ecdfOf(values: Float64Array): Ecdf {
  const sorted = values.toSorted()
  const half = ECDF_POINTS / 2
  const shares = [
    ...Array.from({ length: half }, (_, index) => (0.9 * index) / half),
    ...Array.from({ length: half }, (_, index) => 1 - 0.1 * 1e-3 ** (index / (half - 1))),
    1,
  ].filter((share) => share === 1 || share <= 1 - 1 / sorted.length)
  return {
    x: shares.map((share) => quantileOfSorted(sorted, share)),
    share: shares,
    band: Math.sqrt(Math.log(2 / 0.05) / (2 * sorted.length)),
  }
}

/** Fewer requests have no 95th percentile worth drawing. */
const MIN_PER_LENGTH = 20

function byLength(watch: SideWatch): ReportSeries['by_length'] {
  const [prompt, ttft] = [watch.columns.prompt.view(), watch.latency.columns.ttftDue.view()]
  const rows = rowsWhere(prompt.length, (row) => !Number.isNaN(prompt[row]! + ttft[row]!))
  rows.sort((a, b) => prompt[a]! - prompt[b]!)
  const size = Math.max(MIN_PER_LENGTH, Math.ceil(rows.length / LENGTH_BINS))
  return Array.from({ length: Math.floor(rows.length / size) }, (_, bin) => {
    const part = rows.subarray(bin * size, (bin + 1) * size)
    const [p50 = 0, p95 = 0] = quantiles(
      Float64Array.from(part, (row) => ttft[row]!),
      [0.5, 0.95],
    )
    return { prompt: prompt[part[part.length >> 1]!]!, n: part.length, p50, p95 }
  })
}

const GAUGES = {
  running: 'vllm:num_requests_running',
  waiting: 'vllm:num_requests_waiting',
  kv: 'vllm:kv_cache_usage_perc',
} as const
const MAX_SCRAPES = 400

function serverSeries(samples: readonly SampleRow[]): ReportSeries['server'] {
  const byInstant = new Map<number, { running: number; waiting: number; kv: number }>()
  for (const { atUs, metric, value } of samples) {
    const gauge = Object.entries(GAUGES).find(([, name]) => name === metric)?.[0]
    if (gauge === undefined) continue
    const point = byInstant.get(atUs) ?? { running: 0, waiting: 0, kv: 0 }
    point[gauge as keyof typeof GAUGES] += value
    byInstant.set(atUs, point)
  }
  const all = [...byInstant]
    .toSorted(([a], [b]) => a - b)
    .map(([atUs, point]) => ({ t_s: atUs / 1e6, ...point }))
  const step = Math.max(1, Math.ceil(all.length / MAX_SCRAPES))
  return all.filter((_, index) => index % step === 0)
}

function slowest(watch: SideWatch): SlowRequest[] {
  const e2e = watch.latency.columns.e2eDue.view()
  const { columns, latency } = watch
  const known = present(latency.columns.e2eDue)
  const [least = 0] = quantiles(known, [Math.max(0, 1 - SLOWEST / known.length)])
  return Array.from(rowsWhere(e2e.length, (row) => e2e[row]! >= least))
    .toSorted((a, b) => e2e[b]! - e2e[a]!)
    .slice(0, SLOWEST)
    .map((row) => ({
      seq: columns.seq.view()[row]!,
      source_seq: orNull(columns.source.view()[row]),
      due_s: columns.at.view()[row]! / 1e6,
      prompt: orNull(columns.prompt.view()[row]),
      output: orNull(columns.output.view()[row]),
      outcome: OUTCOMES[columns.outcome.view()[row]!] ?? 'unknown',
      lag_us: latency.columns.lag.view()[row]! || 0,
      ttft_us: orNull(latency.columns.ttftDue.view()[row]),
      e2e_us: e2e[row]!,
    }))
}

function largest(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((most, value) => Math.max(most, value))
}

function orNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value
}
