/** A result → inference-perf's summary_lifecycle_metrics.json, for dashboards that expect it. Pure, but for the output. */
import { quantileOfSorted } from '../stats/quantile.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import type { RequestColumn } from '../trace/columns.ts'
import type { Exporter } from './exporter.ts'
import { rowViews, type RowView } from './row-view.ts'

const COLUMNS = [
  'atUs',
  'lagUs',
  'uploadUs',
  'promptTokens',
  'outputTokens',
  'outcome',
  'ttftUs',
  'e2eUs',
  'abortUs',
  'chunkTimes',
] as const satisfies readonly RequestColumn[]

type Row = RowView<(typeof COLUMNS)[number]>

/** Its own: 50 is called the median. */
const PERCENTILES = [0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9]

const LATENCIES = [
  'request_latency',
  'normalized_time_per_output_token',
  'time_per_output_token',
  'time_to_first_token',
  'inter_token_latency',
] as const
type Latency = (typeof LATENCIES)[number]

export const perfSummaryWriter: Exporter = {
  name: 'inference-perf-summary',
  title: 'inference-perf summary_lifecycle_metrics.json, v0.2.0 (percentiles, no rows)',
  ending: null,
  holds: [],
  async write(reader, output) {
    const tally = new Tally()
    const skipped = new Map<string, number>()
    let rowCount = 0
    for await (const row of rowViews(reader, COLUMNS)) {
      const reason = REASONS[row.outcome ?? 'ok']
      if (reason === undefined) {
        rowCount += 1
        tally.add(row)
      } else skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    }
    await output.write(`${JSON.stringify(tally.summary(), null, 2)}\n`)
    return { rowCount, skipped, notes: ['times are from the request sent, in seconds'] }
  },
}

/** That tool knows success and failure only. */
const REASONS: Readonly<Partial<Record<string, string>>> = {
  client_abort: 'hung up, which that tool never does',
  not_sent: 'not sent',
  unobserved_end: 'its end was not seen',
}

const seconds = (us: number) => us / 1_000_000

class Tally {
  readonly #latency = Object.fromEntries(LATENCIES.map((name) => [name, [] as number[]])) as Record<
    Latency,
    number[]
  >
  readonly #delaySec: number[] = []
  readonly #prompts: number[] = []
  readonly #outputs: number[] = []
  readonly #failedLatencySec: number[] = []
  readonly #failedPrompts: number[] = []
  #successes = 0
  #failures = 0
  /** Of the successes. */
  #firstUs = Number.POSITIVE_INFINITY
  #lastUs = Number.NEGATIVE_INFINITY

  add(row: Row): void {
    const { outcome, lagUs, promptTokens, e2eUs, abortUs } = row
    if (lagUs !== null) this.#delaySec.push(seconds(lagUs))
    if (outcome === null || outcome === 'ok') return this.#succeed(row)
    this.#failures += 1
    if (promptTokens !== null) this.#failedPrompts.push(promptTokens)
    const tookUs = e2eUs ?? abortUs
    if (tookUs !== null) this.#failedLatencySec.push(seconds(tookUs))
  }

  #succeed(row: Row): void {
    const { atUs, lagUs, uploadUs, promptTokens, outputTokens, e2eUs } = row
    this.#successes += 1
    if (promptTokens !== null) this.#prompts.push(promptTokens)
    if (outputTokens !== null) this.#outputs.push(outputTokens)
    const sentUs = atUs + (lagUs ?? 0) + (uploadUs ?? 0)
    this.#firstUs = Math.min(this.#firstUs, sentUs)
    this.#lastUs = Math.max(this.#lastUs, sentUs + (e2eUs ?? 0))
    if (e2eUs === null) return
    this.#latency.request_latency.push(seconds(e2eUs))
    if (outputTokens !== null && outputTokens > 0) {
      this.#latency.normalized_time_per_output_token.push(seconds(e2eUs) / outputTokens)
    }
    this.#addStream(row)
  }

  /** That tool takes an answer of one chunk for one that did not stream. */
  #addStream({ chunkTimes, ttftUs, e2eUs, outputTokens }: Row): void {
    const timesUs = chunkTimes === null ? new Float64Array(0) : decodeChunkTimes(chunkTimes)
    if (ttftUs === null || e2eUs === null || timesUs.length < 2) return
    this.#latency.time_to_first_token.push(seconds(ttftUs))
    if (outputTokens !== null && outputTokens > 1) {
      this.#latency.time_per_output_token.push(seconds(e2eUs - ttftUs) / (outputTokens - 1))
    }
    for (let at = 1; at < timesUs.length; at += 1) {
      this.#latency.inter_token_latency.push(seconds(timesUs[at]! - timesUs[at - 1]!))
    }
  }

  summary() {
    const span = seconds(this.#lastUs - this.#firstUs)
    const perSec = (total: number) => (span > 0 ? total / span : 0)
    const input = sumOf(this.#prompts)
    const output = sumOf(this.#outputs)
    return {
      load_summary: {
        count: this.#successes + this.#failures,
        schedule_delay: summarized(this.#delaySec),
      },
      successes: {
        count: this.#successes,
        latency: Object.fromEntries(
          LATENCIES.map((name) => [name, summarized(this.#latency[name])]),
        ),
        throughput: {
          input_tokens_per_sec: perSec(input),
          output_tokens_per_sec: perSec(output),
          total_tokens_per_sec: perSec(input + output),
          requests_per_sec: perSec(this.#successes),
        },
        prompt_len: summarized(this.#prompts),
        output_len: summarized(this.#outputs),
      },
      failures: {
        count: this.#failures,
        request_latency: summarized(this.#failedLatencySec),
        prompt_len: summarized(this.#failedPrompts),
      },
    }
  }
}

/** @returns null where there are no values */
function summarized(values: readonly number[]): Record<string, number> | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).toSorted()
  const parts = PERCENTILES.map((percent) => [
    percent === 50 ? 'median' : `p${percent}`,
    quantileOfSorted(sorted, percent / 100),
  ])
  return {
    mean: sumOf(values) / values.length,
    min: sorted[0]!,
    ...(Object.fromEntries(parts) as Record<string, number>),
    max: sorted.at(-1)!,
  }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
