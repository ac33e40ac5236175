/** Figures as Prometheus reads them, off counts that others keep. Pure. */
import { type Aggregator, Counter, Gauge, type Metric, Registry } from 'prom-client'
import { BUCKETS, edgeUs, type Tally } from '../stats/octaves.ts'

/** Every fourth edge of the buckets that are kept: two to the octave. */
const EVERY = 4

/** Least and greatest edge of a histogram, µs. */
export type EdgeRange = Readonly<{ fromUs: number; toUs: number }>

/** Of answers: from 1 ms to 9 min. */
export const ANSWER_EDGES: EdgeRange = { fromUs: 900, toUs: 600_000_000 }

export class FigurePage {
  readonly #registry = new Registry()

  counter(name: string, help: string, value: number): void {
    new Counter({ name, help, registers: [this.#registry] }).inc(value)
  }

  gauge(name: string, help: string, value: number): void {
    new Gauge({ name, help, registers: [this.#registry] }).set(value)
  }

  /** A histogram in seconds. The library's own can only be told of one value after the other. */
  latency(name: string, help: string, { counts, sumUs }: Tally, range: EdgeRange): void {
    const values = [
      ...cumulative(counts, range).map(({ le, value }) => {
        return { metricName: `${name}_bucket`, labels: { le }, value }
      }),
      { metricName: `${name}_sum`, labels: {}, value: sumUs / 1e6 },
      { metricName: `${name}_count`, labels: {}, value: countOf(counts) },
    ]
    const aggregator: Aggregator = 'sum'
    const told = { name, help, type: 'histogram', aggregator, values }
    this.#registry.registerMetric({ ...told, get: () => told } as unknown as Metric)
  }

  async text(): Promise<string> {
    return this.#registry.metrics()
  }
}

/** @returns how many values are at or below each edge, in seconds; the last has all */
function cumulative(
  counts: Float64Array,
  { fromUs, toUs }: EdgeRange,
): { le: number | string; value: number }[] {
  const shown: { le: number | string; value: number }[] = []
  let value = 0
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    value += counts[bucket] ?? 0
    const us = edgeUs(bucket)
    if (bucket % EVERY !== EVERY - 1 || us < fromUs || us > toUs) continue
    shown.push({ le: Number((us / 1e6).toPrecision(3)), value })
  }
  return [...shown, { le: '+Inf', value: countOf(counts) }]
}

function countOf(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
