/** Does an independent prober see the same time to first token as the load? Pure. */
import { formatDuration } from '../base/format.ts'
import { orderInterval } from '../stats/interval.ts'
import { quantiles } from '../stats/quantile.ts'
import type { SampleRow } from '../trace/columns.ts'
import { type Finding, unmeasured, withLimit } from './finding.ts'
import type { SideWatch } from './side-watch.ts'

export type ProbeFigures = Readonly<{
  sent: number
  answered: number
  /** As the server counted them. */
  prompt_tokens: number
  output_tokens: number
  /** Median over the probes of: its TTFT less the median of the load's around it, µs, from due. */
  difference_us: number | null
  difference_low_us: number | null
  difference_high_us: number | null
  /** Median TTFT of the load's requests that probes were held against, µs. */
  load_ttft_us: number | null
  /** Probes with enough requests of the load around them. */
  compared: number
}>

/** A request is comparable if it was due this near to the probe, and read as much within a factor of two. */
const NEAR_US = 5_000_000
const FEWEST_NEAR = 3

/** @returns null where no prober ran */
export function probeFigures(samples: readonly SampleRow[], watch: SideWatch): ProbeFigures | null {
  const of = (name: string) => samples.filter(({ metric }) => metric === `trace:probe_${name}`)
  const sent = of('sent')
  if (sent.length === 0) return null
  const ttfts = of('ttft_us')
  const prompts = of('prompt_tokens')
  const size = prompts.length === 0 ? null : medianOf(prompts.map(({ value }) => value))
  const around =
    size === null ? [] : ttfts.flatMap(({ atUs, value }) => pairOf(watch, atUs, size, value))
  const differences = Float64Array.from(around, ({ difference }) => difference).toSorted()
  const interval = orderInterval(differences, 0.5)
  return {
    sent: sent.length,
    answered: ttfts.length,
    prompt_tokens: sum(prompts),
    output_tokens: sum(of('output_tokens')),
    difference_us: around.length === 0 ? null : medianOf([...differences]),
    difference_low_us: interval?.low ?? null,
    difference_high_us: interval?.high ?? null,
    load_ttft_us: around.length === 0 ? null : medianOf(around.map(({ load }) => load)),
    compared: around.length,
  }
}

function sum(rows: readonly SampleRow[]): number {
  return rows.reduce((all, { value }) => all + value, 0)
}

function pairOf({ columns, latency }: SideWatch, atUs: number, size: number, ttftUs: number) {
  const at = columns.at.view()
  const near: number[] = []
  for (
    let row = lowerBound(at, atUs - NEAR_US);
    row < at.length && at[row]! <= atUs + NEAR_US;
    row += 1
  ) {
    const read = columns.prompt.view()[row]! - (columns.cached.view()[row]! || 0)
    const own = latency.columns.ttftDue.view()[row]!
    if (!Number.isNaN(own) && read >= size / 2 && read <= size * 2) near.push(own)
  }
  if (near.length < FEWEST_NEAR) return []
  const load = medianOf(near)
  return [{ load, difference: ttftUs - load }]
}

function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

function medianOf(values: readonly number[]): number {
  return quantiles(Float64Array.from(values), [0.5])[0]!
}

/** What two ways of measuring may differ by: another library, other words. */
const LEAST_LIMIT_US = 5_000
const LIMIT_SHARE = 0.25
const FAIL_FACTOR = 4

/** Beyond the limit with its whole interval: noise alone does not warn. */
export function checkProbe({ probe }: Readonly<{ probe: ProbeFigures | null }>): Finding {
  if (probe === null) return unmeasured('no prober (--probe 1/s)')
  const { difference_us: value, difference_low_us: low, difference_high_us: high } = probe
  if (probe.answered < probe.sent / 2) {
    const says = `${probe.sent - probe.answered} of ${probe.sent} probes unanswered (limit 50 %)`
    return { status: 'warn', value: probe.answered, limit: probe.sent / 2, unit: 'probes', says }
  }
  if (value === null || low === null || high === null) {
    return unmeasured('too few requests like the probes')
  }
  const limit = Math.max(LEAST_LIMIT_US, LIMIT_SHARE * (probe.load_ttft_us ?? 0))
  const isBeyond = (factor: number) => low > factor * limit || high < -factor * limit
  const says =
    value < 0
      ? `prober's TTFT ${formatDuration(-value)} below the load's`
      : `prober's TTFT ${formatDuration(value)} above the load's`
  const status = isBeyond(FAIL_FACTOR) ? 'fail' : isBeyond(1) ? 'warn' : 'pass'
  if (status === 'pass') return { status, value, limit, unit: 'us', says: 'prober agrees' }
  const broken = formatDuration(status === 'fail' ? FAIL_FACTOR * limit : limit)
  return { status, value, limit, unit: 'us', says: withLimit(says, broken) }
}
