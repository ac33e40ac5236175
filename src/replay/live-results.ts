/**
 * What finished requests tell while the run goes on, in shared memory: the thread that reads answers
 * writes, whoever watches reads. Pure.
 */
import { bucketOf, BUCKETS, type Tally } from '../stats/octaves.ts'
import { dueOffsetUs, normalisedUs, tpotUs } from '../stream/latency.ts'
import type { RequestRow } from '../trace/columns.ts'
import { isJudged, outcomeClass } from '../trace/outcome-class.ts'

/** Latencies that are counted in buckets as they come. */
export const LIVE_LATENCIES = ['ttft_due', 'tpot', 'e2e_due'] as const
export type LiveLatency = (typeof LIVE_LATENCIES)[number]

/** Latencies that one request has, by their names in a report. */
export type RowLatency = LiveLatency | 'ttft' | 'ttfc' | 'e2e' | 'ntpot'

/** A request is beyond it if it failed, or if this latency of its own is above the limit. */
export type RowBound = Readonly<{ latency: RowLatency | null; limitUs: number }>

/** A byte for each row: a bit for each bound, and two that say how to read them. */
const ENDED = 0x80
const NOT_COUNTED = 0x40
export const MAX_BOUNDS = 6

const TOTALS = ['promptTokens', 'cachedTokens', 'outputTokens', 'streams'] as const
export type LiveTotal = (typeof TOTALS)[number]

/** Of each latency: its buckets, then the sum of its values in µs. */
const PER_LATENCY = BUCKETS + 1

export class LiveResults {
  readonly memory: SharedArrayBuffer
  readonly #values: Float64Array
  readonly #marks: Uint8Array

  /** @param count rows of the plan */
  constructor(
    count: number,
    memory = new SharedArrayBuffer(VALUES * Float64Array.BYTES_PER_ELEMENT + count),
  ) {
    this.memory = memory
    this.#values = new Float64Array(memory, 0, VALUES)
    this.#marks = new Uint8Array(memory, VALUES * Float64Array.BYTES_PER_ELEMENT)
  }

  /** One request is over for good. @param index of the plan's row */
  add(index: number, row: Partial<RequestRow>, bounds: readonly RowBound[]): void {
    const latencies = latenciesOf(row)
    for (const [at, name] of LIVE_LATENCIES.entries()) {
      const valueUs = latencies[name]
      if (valueUs === null) continue
      this.#raise(at * PER_LATENCY + bucketOf(valueUs))
      this.#raise(at * PER_LATENCY + BUCKETS, valueUs)
    }
    for (const name of TOTALS) {
      const value = name === 'streams' ? Number(row.stream ?? false) : (row[name] ?? 0)
      this.#raise(TOTALS_FROM + TOTALS.indexOf(name), value)
    }
    const beyond = bounds.reduce(
      (bits, bound, at) => bits | (isBeyond(row, latencies, bound) ? 1 << at : 0),
      0,
    )
    const isCounted = isJudged(outcomeClass(row.outcome ?? null))
    this.#marks[index] = ENDED | (isCounted ? beyond : NOT_COUNTED)
  }

  total(name: LiveTotal): number {
    return this.#values[TOTALS_FROM + TOTALS.indexOf(name)] ?? 0
  }

  /** Counts of each bucket so far, and the sum of all values in µs. */
  latency(name: LiveLatency): Tally {
    const from = LIVE_LATENCIES.indexOf(name) * PER_LATENCY
    return {
      counts: this.#values.slice(from, from + BUCKETS),
      sumUs: this.#values[from + BUCKETS] ?? 0,
    }
  }

  /**
   * The first `due` rows, without those that were hung up, never sent or cut off by the run's end, in order of the plan: 1 where
   * the row is known to be beyond a bound. What has not been answered yet counts as met, so that fast
   * answers are not taken for all answers.
   */
  beyond(bound: number, due: number): Float64Array {
    const marks = this.#marks.subarray(0, due)
    const found = new Float64Array(marks.length)
    let length = 0
    for (const mark of marks) {
      if ((mark & NOT_COUNTED) !== 0) continue
      found[length++] = (mark >> bound) & 1
    }
    return found.subarray(0, length)
  }

  #raise(at: number, amount = 1): void {
    this.#values[at] = (this.#values[at] ?? 0) + amount
  }
}

const TOTALS_FROM = LIVE_LATENCIES.length * PER_LATENCY
const VALUES = TOTALS_FROM + TOTALS.length

type RowLatencies = Readonly<Record<RowLatency, number | null>>

function isBeyond({ outcome }: Partial<RequestRow>, of: RowLatencies, bound: RowBound): boolean {
  if (outcome !== 'ok') return true
  return bound.latency !== null && (of[bound.latency] ?? 0) > bound.limitUs
}

function latenciesOf(row: Partial<RequestRow>): RowLatencies {
  const { lagUs = null, uploadUs = null, outputTokens = null } = row
  const ttft = row.stream === true ? (row.ttftUs ?? null) : null
  const e2e = row.outcome === 'ok' ? (row.e2eUs ?? null) : null
  const offsetUs = dueOffsetUs({ lagUs, uploadUs })
  return {
    ttft,
    e2e,
    ttfc: row.stream === true ? (row.firstContentUs ?? null) : null,
    ttft_due: ttft === null ? null : ttft + offsetUs,
    e2e_due: e2e === null ? null : e2e + offsetUs,
    tpot: tpotUs(ttft, e2e, outputTokens),
    ntpot: normalisedUs(e2e, outputTokens),
  }
}
