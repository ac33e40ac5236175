/** What a server's own metrics say about a run, from the samples in its trace. Pure. */
import { largestOf } from '../stats/moments.ts'
import type { SampleRow } from '../trace/columns.ts'
import { jsonObject, wrongJson } from '../trace/json-column.ts'

export type ServerFigures = Readonly<{
  scrapes: number
  /** A counter went down between two scrapes. */
  restarted: boolean
  completed: number | null
  completed_by_reason: Record<string, number>
  /** POSTs to /v1/…, answered in any way. */
  http_requests: number | null
  prompt_tokens: number | null
  generation_tokens: number | null
  preemptions: number | null
  /** Tokens that the server guessed ahead; null where it does not speculate. */
  drafted_tokens: number | null
  prefix_hit_share: number | null
  /** Seconds a request, as the server's histograms sum them. */
  means_s: Record<'ttft' | 'queue' | 'prefill' | 'decode' | 'e2e', number | null>
  peaks: Record<'running' | 'waiting' | 'kv_usage', number | null>
  /** µs since the origin, of the first scrape that found no KV block free. */
  kv_full_at_us: number | null
}>

/** Points are [µs since the origin, value]. */
type Series = Readonly<{
  labels: Readonly<Record<string, string>>
  points: [number, number][]
}>

const KV_FULL = 0.995

/** @returns null where the trace holds no scrape of a server */
export function serverFigures(samples: readonly SampleRow[]): ServerFigures | null {
  const families = familiesOf(samples)
  if (families.size === 0) return null
  const instants = new Set(samples.filter(isServers).map(({ atUs }) => atUs))
  const firstUs = firstScrapes(families)
  const rise = (name: string, keep?: (series: Series) => boolean) =>
    riseOf(families.get(name), firstUs, keep)
  const mean = (name: string) => ratio(rise(`vllm:${name}_sum`), rise(`vllm:${name}_count`))
  const finished = families.get('vllm:request_success_total') ?? []
  const byReason = new Map<string, number>()
  for (const series of finished) {
    const reason = series.labels['finished_reason'] ?? 'unknown'
    byReason.set(reason, (byReason.get(reason) ?? 0) + (riseOf([series], firstUs) ?? 0))
  }
  return {
    scrapes: instants.size,
    restarted: [...families].some(([name, all]) => isCounter(name) && all.some(fell)),
    completed: rise('vllm:request_success_total'),
    completed_by_reason: Object.fromEntries(byReason),
    http_requests: rise('http_requests_total', isGeneration),
    prompt_tokens: rise('vllm:prompt_tokens_total'),
    generation_tokens: rise('vllm:generation_tokens_total'),
    preemptions: rise('vllm:num_preemptions_total'),
    drafted_tokens: rise('vllm:spec_decode_num_draft_tokens_total'),
    prefix_hit_share: ratio(
      rise('vllm:prefix_cache_hits_total'),
      rise('vllm:prefix_cache_queries_total'),
    ),
    means_s: {
      ttft: mean('time_to_first_token_seconds'),
      queue: mean('request_queue_time_seconds'),
      prefill: mean('request_prefill_time_seconds'),
      decode: mean('request_decode_time_seconds'),
      e2e: mean('e2e_request_latency_seconds'),
    },
    peaks: {
      running: peakOf(families.get('vllm:num_requests_running')),
      waiting: peakOf(families.get('vllm:num_requests_waiting')),
      kv_usage: peakOf(families.get('vllm:kv_cache_usage_perc')),
    },
    kv_full_at_us: firstAbove(families.get('vllm:kv_cache_usage_perc'), KV_FULL),
  }
}

function isServers({ metric }: SampleRow): boolean {
  return metric.startsWith('vllm:') || metric.startsWith('http_')
}

/** Series by family; points in order of time. */
function familiesOf(samples: readonly SampleRow[]): Map<string, Series[]> {
  const found = new Map<string, Map<string, Series>>()
  for (const sample of samples.toSorted((a, b) => a.atUs - b.atUs)) {
    if (!isServers(sample)) continue
    const family = found.get(sample.metric) ?? new Map<string, Series>()
    const key = sample.labels ?? '{}'
    const series: Series = family.get(key) ?? { labels: labelsOf(key), points: [] }
    series.points.push([sample.atUs, sample.value])
    family.set(key, series)
    found.set(sample.metric, family)
  }
  return new Map([...found].map(([name, family]) => [name, [...family.values()]]))
}

function labelsOf(json: string): Series['labels'] {
  const labels = jsonObject(json, 'sample.labels')
  if (Object.values(labels).every((value) => typeof value === 'string')) {
    return labels as Series['labels']
  }
  throw wrongJson('sample.labels', 'no JSON object of texts')
}

function isCounter(name: string): boolean {
  return /_(?:total|sum|count)$/.test(name)
}

function fell({ points }: Series): boolean {
  return points.some(([, value], index) => index > 0 && value < points[index - 1]![1])
}

/** When each target was first looked at, µs; a run with one target names none. */
function firstScrapes(families: ReadonlyMap<string, readonly Series[]>): Map<string, number> {
  const found = new Map<string, number>()
  for (const { labels, points } of [...families.values()].flat()) {
    const target = labels['target'] ?? ''
    found.set(target, Math.min(found.get(target) ?? Infinity, points[0]![0]))
  }
  return found
}

/**
 * Last minus first, summed over series. A series that the first scrape of its server did not have began at 0:
 * a fresh server names a route, or a reason to finish, when it first counts one.
 *
 * @returns null for no such family
 */
function riseOf(
  family: readonly Series[] | undefined,
  firstUs: ReadonlyMap<string, number>,
  keep: (series: Series) => boolean = () => true,
): number | null {
  if (family === undefined) return null
  return family.filter(keep).reduce((sum, { labels, points }) => {
    const [atUs, first] = points[0]!
    const isOld = atUs === firstUs.get(labels['target'] ?? '')
    return sum + points.at(-1)![1] - (isOld ? first : 0)
  }, 0)
}

/** Routes that generate are under /v1; what else a client asks a server is no load. */
function isGeneration({ labels }: Series): boolean {
  return labels['method'] === 'POST' && (labels['handler'] ?? '').startsWith('/v1/')
}

function peakOf(family: readonly Series[] | undefined): number | null {
  if (family === undefined) return null
  return largestOf(family.flatMap(({ points }) => points.map(([, value]) => value)))
}

function firstAbove(family: readonly Series[] | undefined, limit: number): number | null {
  const instants = (family ?? [])
    .flatMap(({ points }) => points.filter(([, value]) => value >= limit))
    .map(([atUs]) => atUs)
  return instants.length === 0 ? null : -largestOf(instants.map((us) => -us))
}

function ratio(above: number | null, below: number | null): number | null {
  return above === null || below === null || below === 0 ? null : above / below
}
