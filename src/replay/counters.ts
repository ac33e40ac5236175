/** Live counts of one sending thread, in shared memory: it writes, the others read. Pure. */

import type { FlightResult } from './flight-result.ts'

const FIELDS = [
  'sent',
  'done',
  'ok',
  'errors',
  'hungUp',
  'dropped',
  'cut',
  'inFlight',
  'events',
  'bytesIn',
  'lateBodies',
  'releasedBytes',
  'released',
  /** Of those done: taken by the thread that reads answers, and counted by it alone. */
  'read',
] as const
export type CounterName = (typeof FIELDS)[number]

/** Eight buckets to the octave: a percentile read from them is at most 9 % too high. */
const BUCKETS_PER_OCTAVE = 8
const LAG_BUCKETS = BUCKETS_PER_OCTAVE * 30

export type Counts = Readonly<Record<CounterName, number>>

export class Counters {
  readonly memory: SharedArrayBuffer
  readonly #values: Float64Array

  constructor(
    memory = new SharedArrayBuffer((FIELDS.length + LAG_BUCKETS) * Float64Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory
    this.#values = new Float64Array(memory)
  }

  add(name: CounterName, amount = 1): void {
    const at = FIELD_INDEX[name]
    this.#values[at] = (this.#values[at] ?? 0) + amount
  }

  get(name: CounterName): number {
    return this.#values[FIELD_INDEX[name]] ?? 0
  }

  addLag(lagUs: number): void {
    const bucket = Math.min(LAG_BUCKETS - 1, Math.floor(BUCKETS_PER_OCTAVE * Math.log2(lagUs + 1)))
    const at = FIELDS.length + bucket
    this.#values[at] = (this.#values[at] ?? 0) + 1
  }

  lagCount(bucket: number): number {
    return this.#values[FIELDS.length + bucket] ?? 0
  }
}

/** One request is over, and will not be tried again. @param isAnswered whole, and no error */
export function countEnd(counters: Counters, result: FlightResult, isAnswered: boolean): void {
  counters.add('done')
  if (!Number.isNaN(result.abortAtUs)) counters.add('hungUp')
  else if (result.fault === 'dropped' || result.fault === 'unsendable') counters.add('dropped')
  else if (result.fault === 'interrupted') counters.add('cut')
  else counters.add(isAnswered ? 'ok' : 'errors')
}

const FIELD_INDEX = Object.fromEntries(FIELDS.map((name, at) => [name, at])) as Readonly<
  Record<CounterName, number>
>

/** The threads' counts together. */
export function sumCounts(all: readonly Counters[]): Counts {
  return Object.fromEntries(
    FIELDS.map((name) => [name, all.reduce((sum, counters) => sum + counters.get(name), 0)]),
  ) as Counts
}

/**
 * @param share 0.99 for the 99th percentile
 * @returns µs, the upper edge of the bucket that holds it; null before the first send
 */
export function lagQuantileUs(all: readonly Counters[], share: number): number | null {
  const totals = Array.from({ length: LAG_BUCKETS }, (_, bucket) =>
    all.reduce((sum, counters) => sum + counters.lagCount(bucket), 0),
  )
  const total = totals.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let seen = 0
  for (const [bucket, count] of totals.entries()) {
    seen += count
    if (seen >= share * total) return Math.round(2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE) - 1)
  }
  return null
}
