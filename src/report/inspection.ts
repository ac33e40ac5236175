/** What is in a trace: one streaming pass over the columns that its figures need. Pure but for the reader. */
import { pearson, spearman } from '../stats/correlation.ts'
import type { GrowingColumn } from '../stats/growing.ts'
import { quantiles } from '../stats/quantile.ts'
import type { TraceReader } from '../trace/trace.ts'
import { halvesOf } from '../workload/block-index.ts'
import { loadBlocks } from '../workload/block-table.ts'
import { type ArrivalFigures, arrivalFigures } from './arrival-figures.ts'
import { type CacheFigures, cacheFigures } from './cache-figures.ts'
import { type DriftPart, driftOf } from './drift.ts'
import type { CacheQuestion } from './inspect-options.ts'
import { type InspectionSeries, inspectionSeries } from './inspection-series.ts'
import { DEMAND_COLUMNS, DemandWatch } from './demand-watch.ts'
import { LATENCY_COLUMNS, LatencyWatch, present } from './latency-watch.ts'
import { type PrefixFigures, PrefixWatch } from './prefix-figures.ts'
import type { SessionFigures } from './session-figures.ts'
import { type Summary, summarise } from './summary.ts'

export const INSPECTION_VERSION = 1

/** Chunk times of more rows than this are not unpacked: TPOT stands for them. */
const MAX_ROWS_WITH_CHUNKS = 200_000

/** The document that `trace inspect --json` prints; docs/inspect.schema.json describes it. */
export type Inspection = Readonly<{
  schema_version: number
  kind: string
  producer: string
  is_complete: boolean
  interrupted: boolean
  licence: string | null
  transforms: readonly string[]
  /** Of the sessions or tenants that a recorder saw, those that it kept; null: of a mixture. */
  sampling_share: number | null
  sampled_by: string | null
  arrivals: ArrivalFigures
  input: Summary | null
  output: Summary | null
  corr: Readonly<{ n: number; pearson: number | null; spearman: number | null }>
  token_sources: Record<string, number>
  cached_token_share: number | null
  prefix: PrefixFigures | null
  sessions: SessionFigures | null
  tenants: Concentration
  models: Record<string, number>
  adapters: Record<string, number>
  endpoints: Record<string, number>
  stream_share: number
  outcomes: Record<string, number>
  finish_reasons: Record<string, number>
  hung_up_after_tokens_p50: number | null
  latency: LatencyFigures | null
  gaps: Readonly<{ count: number; missing_requests: number }>
  events: Record<string, number>
  row_digest: string | null
  drift: readonly DriftPart[]
  cache: CacheFigures | null
  series: InspectionSeries
}>

export type Concentration = Readonly<{ count: number; top_share: number; top10_share: number }>

/** Seconds, from sent; `inter_token` is null where chunk times are absent or too many to unpack. */
export type LatencyFigures = Readonly<{
  measured_at: 'relay' | 'client' | 'source'
  ttft_s: Summary | null
  e2e_s: Summary | null
  tpot_s: Summary | null
  inter_token_s: Readonly<{ n: number; mean: number; p50: number; p95: number; p99: number }> | null
}>

/** @param cache asks for prefix hits with bounded caches: one more pass */
export async function inspectTrace(
  reader: TraceReader,
  cache: CacheQuestion | null = null,
): Promise<Inspection> {
  const { demand, latency, prefix } = await gather(reader)
  const head = headOf(reader)
  const [at, prompt, output] = [demand.atUs.view(), demand.prompt.view(), demand.output.view()]
  const rateFactor = 1 / (head.sampling_share ?? 1)
  return {
    ...head,
    ...demandFigures(demand, rateFactor),
    prefix,
    latency: latencyFigures(latency, reader.header.kind),
    ...(await sideTables(reader)),
    row_digest: reader.header.rowDigest,
    drift: driftOf(at, prompt, output, rateFactor),
    cache: cache && (await cacheFigures(reader, cache)),
    series: inspectionSeries(at, prompt, output, rateFactor),
  }
}

/** The pass itself; the tree of blocks is let go with it, before the columns are sorted. */
async function gather(reader: TraceReader) {
  const demand = new DemandWatch()
  const latency = new LatencyWatch(false)
  const table = await loadBlocks(reader)
  const prefix = new PrefixWatch(table.blocks)
  const unpacks = (reader.header.counts?.request ?? 0) <= MAX_ROWS_WITH_CHUNKS
  const columns = [...DEMAND_COLUMNS, ...LATENCY_COLUMNS, 'prefixLeaf'] as const
  const read = unpacks ? columns : columns.filter((name) => !name.startsWith('chunk'))
  for await (const batch of reader.requests(read)) {
    const { prefixLeaf, promptTokens, atUs } = batch.columns
    const leaves = halvesOf(prefixLeaf)
    demand.addAll(batch)
    latency.addAll(batch)
    for (let row = 0; row < batch.rowCount; row += 1) {
      prefix.add(table.indexAt(leaves, row), promptTokens[row]!, atUs[row]!)
    }
  }
  return { demand, latency, prefix: prefix.figures() }
}

function headOf({ header, isComplete }: TraceReader) {
  const { samplingShare, sampledBy } = header.capture
  return {
    schema_version: INSPECTION_VERSION,
    kind: header.kind,
    producer: `${header.producer} ${header.producerVersion}`,
    is_complete: isComplete,
    interrupted: header.interrupted,
    licence: header.licence,
    transforms: header.transforms.map(({ name }) => name),
    // Merged parts of different shares: no one factor would give the rate of all.
    sampling_share: samplingShare < 1 && sampledBy === null ? null : samplingShare,
    sampled_by: sampledBy,
  }
}

function demandFigures(demand: DemandWatch, rateFactor: number) {
  const atUs = demand.atUs.view()
  const [input, output] = [present(demand.prompt), present(demand.output)]
  const pairs = pairedSizes(demand)
  const [hungUpTokens = Number.NaN] = quantiles(demand.hungUpTokens.view(), [0.5])
  return {
    arrivals: arrivalFigures(atUs, rateFactor),
    input: summarise(input),
    output: summarise(output),
    corr: {
      n: pairs.prompt.length,
      pearson: orNull(pearson(pairs.prompt, pairs.output)),
      spearman: orNull(spearman(pairs.prompt, pairs.output)),
    },
    token_sources: demand.tokenSources.toObject(),
    cached_token_share: orNull(demand.cachedTokens / demand.cachedOfTokens),
    sessions: demand.sessions.figures(),
    tenants: concentrationOf(demand.tenants.sorted()),
    models: demand.models.toObject(),
    adapters: demand.adapters.toObject(),
    endpoints: demand.endpoints.toObject(),
    stream_share: atUs.length === 0 ? 0 : demand.streamCount / atUs.length,
    outcomes: demand.outcomes.toObject(),
    finish_reasons: demand.finishReasons.toObject(),
    hung_up_after_tokens_p50: orNull(hungUpTokens),
  }
}

/** Rows that have both counts. */
function pairedSizes(demand: DemandWatch): Record<'prompt' | 'output', Float64Array> {
  const [prompt, output] = [demand.prompt.view(), demand.output.view()]
  const hasBoth = (_: number, row: number) => !Number.isNaN(prompt[row]! + output[row]!)
  return { prompt: prompt.filter(hasBoth), output: output.filter(hasBoth) }
}

function concentrationOf(sorted: readonly (readonly [string, number])[]): Concentration {
  const total = sorted.reduce((sum, [, count]) => sum + count, 0)
  const shareOf = (count: number) =>
    total === 0 ? 0 : sorted.slice(0, count).reduce((sum, [, n]) => sum + n, 0) / total
  return { count: sorted.length, top_share: shareOf(1), top10_share: shareOf(10) }
}

function latencyFigures(latency: LatencyWatch, kind: string): LatencyFigures | null {
  const [ttft, e2e] = [seconds(latency.columns.ttft), seconds(latency.columns.e2e)]
  if (ttft === null && e2e === null) return null
  const gaps = latency.interToken
  return {
    measured_at: kind === 'recorded' ? 'relay' : kind === 'replayed' ? 'client' : 'source',
    ttft_s: ttft,
    e2e_s: e2e,
    tpot_s: seconds(latency.columns.tpot),
    inter_token_s:
      gaps.count === 0
        ? null
        : {
            n: gaps.count,
            mean: gaps.mean / 1e6,
            p50: gaps.quantile(0.5) / 1e6,
            p95: gaps.quantile(0.95) / 1e6,
            p99: gaps.quantile(0.99) / 1e6,
          },
  }
}

async function sideTables(reader: TraceReader) {
  const gaps = await reader.gaps()
  const events: Record<string, number> = {}
  for (const { kind } of await reader.events()) events[kind] = (events[kind] ?? 0) + 1
  return {
    gaps: {
      count: gaps.length,
      missing_requests: gaps.reduce((sum, { count }) => sum + count, 0),
    },
    events,
  }
}

function seconds(column: GrowingColumn): Summary | null {
  return summarise(present(column).map((us) => us / 1e6))
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
