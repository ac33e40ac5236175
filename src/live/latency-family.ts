/** Latencies that are counted in buckets, as a histogram of Prometheus. Pure. */
import { type Family, histogram, histogramSeries } from '../engine/exposition.ts'
import { edgeUs, type Tally } from '../stats/octaves.ts'

/** Every fourth edge of the buckets that are kept: two to the octave. */
const EVERY = 4

/** @param fromUs first edge, within half an octave; `toUs` the last */
export function latencyFamily(
  name: string,
  help: string,
  { counts, sumUs }: Tally,
  { fromUs, toUs }: Readonly<{ fromUs: number; toUs: number }>,
): Family {
  const edges = [...counts.keys()]
    .map((bucket) => ({ bucket, us: edgeUs(bucket) }))
    .filter(({ bucket, us }) => bucket % EVERY === EVERY - 1 && us >= fromUs && us <= toUs)
  const family = histogram(
    name,
    help,
    edges.map(({ us }) => Number((us / 1e6).toPrecision(3))),
  )
  const series = histogramSeries(family, '')
  counts.forEach((count, bucket) => {
    const at = edges.findIndex((edge) => bucket <= edge.bucket)
    series.counts[at < 0 ? edges.length : at]! += count
    series.count += count
  })
  series.sum = sumUs / 1e6
  return family
}

/** Of answers: from 1 ms to 9 min. */
export const ANSWER_EDGES = { fromUs: 900, toUs: 600_000_000 } as const
