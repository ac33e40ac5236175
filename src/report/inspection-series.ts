/** What an inspection's pictures are drawn from: a few thousand numbers, however long the trace. Pure. */
import { dispersionIndex, gapsOf } from '../stats/arrivals.ts'
import { describe } from '../stats/moments.ts'
import { linearBins, logBins } from '../stats/histogram.ts'

export type InspectionSeries = Readonly<{
  bucket_s: number
  rate: readonly Readonly<{ t_s: number; per_s: number }>[]
  /** Requests by prompt and output length; edges in tokens, equal on a logarithmic axis. */
  joint: readonly Readonly<{ x1: number; x2: number; y1: number; y2: number; count: number }>[]
  idc: readonly Readonly<{ window_s: number; idc: number }>[]
  gaps: readonly Readonly<{ from_s: number; to_s: number; count: number }>[]
  /** Requests in each hour of the day since the first; null for less than a day. */
  by_hour: readonly number[] | null
}>

/** At most; fewer where a stretch would hold too few requests to have a rate. */
const MAX_BUCKETS = 240
const REQUESTS_PER_BUCKET = 10
const JOINT_BINS = 28
const IDC_WINDOWS_S = [0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1_800, 3_600]
const MIN_WINDOWS = 8
const DAY_US = 86_400_000_000
const HOUR_US = 3_600_000_000

/** @param rateFactor requests that each row stands for */
export function inspectionSeries(
  at: Float64Array,
  prompt: Float64Array,
  output: Float64Array,
  rateFactor = 1,
): InspectionSeries {
  const firstUs = at[0] ?? 0
  const spanUs = (at.at(-1) ?? 0) - firstUs
  const buckets = Math.min(MAX_BUCKETS, Math.max(4, Math.floor(at.length / REQUESTS_PER_BUCKET)))
  const bucketUs = Math.max(1, spanUs / buckets)
  const bins = spanUs === 0 ? [] : linearBins(at, firstUs, firstUs + spanUs, buckets)
  const gaps = gapsOf(at).filter((us) => us > 0)
  const { min, max } = describe(gaps)
  return {
    bucket_s: bucketUs / 1e6,
    rate: bins.map(({ from, count }) => ({
      t_s: (from - firstUs) / 1e6,
      per_s: (rateFactor * count) / (bucketUs / 1e6),
    })),
    joint: jointBins(prompt, output),
    idc: IDC_WINDOWS_S.filter((seconds) => spanUs >= MIN_WINDOWS * seconds * 1e6).map(
      (seconds) => ({
        window_s: seconds,
        idc: dispersionIndex(at, seconds * 1e6),
      }),
    ),
    gaps:
      gaps.length === 0 || min === max
        ? []
        : logBins(gaps, min, max, 60).map(({ from, to, count }) => ({
            from_s: from / 1e6,
            to_s: to / 1e6,
            count,
          })),
    by_hour: spanUs < DAY_US ? null : hours(at, firstUs),
  }
}

function jointBins(prompt: Float64Array, output: Float64Array): InspectionSeries['joint'] {
  const [stepX, stepY] = [prompt, output].map(
    (values) => Math.log(largest(values) + 1) / JOINT_BINS,
  )
  const counts = new Uint32Array(JOINT_BINS * JOINT_BINS)
  const used: number[] = []
  for (let row = 0; row < prompt.length; row += 1) {
    if (Number.isNaN(prompt[row]! + output[row]!)) continue
    const x = Math.min(JOINT_BINS - 1, Math.floor(Math.log(Math.max(1, prompt[row]!)) / stepX!))
    const y = Math.min(JOINT_BINS - 1, Math.floor(Math.log(Math.max(1, output[row]!)) / stepY!))
    const cell = x * JOINT_BINS + y
    if (counts[cell] === 0) used.push(cell)
    counts[cell]! += 1
  }
  return used.map((cell) => {
    const [x, y] = [Math.floor(cell / JOINT_BINS), cell % JOINT_BINS]
    return {
      x1: Math.exp(x * stepX!),
      x2: Math.exp((x + 1) * stepX!),
      y1: Math.exp(y * stepY!),
      y2: Math.exp((y + 1) * stepY!),
      count: counts[cell]!,
    }
  })
}

function hours(at: Float64Array, firstUs: number): number[] {
  const counts = Array.from({ length: 24 }, () => 0)
  for (const us of at) counts[Math.floor((us - firstUs) / HOUR_US) % 24]! += 1
  return counts
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => (value > most ? value : most), 2)
}
