/** A replay's rows beside the rows they replay, and how a latency changed between the two. Pure. */
import { sequenceFor } from '../base/random.ts'
import { planResamples, quantileReplicates } from '../stats/bootstrap.ts'
import { correlationLength } from '../stats/dependence.ts'
import { ranksOf } from '../stats/correlation.ts'
import { percentileInterval } from '../stats/quantile-estimate.ts'
import { quantiles } from '../stats/quantile.ts'
import type { PerRequestName } from './latency-watch.ts'
import { type SideWatch, wasSent } from './side-watch.ts'

/** Row numbers of requests that were sent: `recorded[i]` was replayed as `replayed[i]`, in order of the replay. */
export type Pairs = Readonly<{ recorded: Uint32Array; replayed: Uint32Array }>

export function pairRows(recorded: SideWatch, replayed: SideWatch): Pairs {
  const rowOf = new Map<number, number>()
  recorded.columns.seq.view().forEach((seq, row) => rowOf.set(seq, row))
  const left: number[] = []
  const right: number[] = []
  replayed.columns.source.view().forEach((source, row) => {
    const found = rowOf.get(source)
    if (found === undefined || !wasSent(replayed, row)) return
    left.push(found)
    right.push(row)
  })
  return { recorded: Uint32Array.from(left), replayed: Uint32Array.from(right) }
}

/** Relative: 0.14 is 14 % more. */
export type Change = Readonly<{
  change: number
  low: number
  high: number
  pairs: number
  /** The recorded side's quantile, µs. */
  from_us: number
}>

const RESAMPLES = 1_000
/** More pairs than this are thinned evenly: the interval then is wider than it need be. */
const MAX_PAIRS = 20_000
/** Below it neither side's quantile can be told. */
const MIN_BEYOND = 5

/**
 * Change of one quantile over the requests that have the latency on both sides. Both sides are
 * resampled together, in blocks of neighbouring requests.
 *
 * @returns null where too few pairs lie beyond the quantile
 */
export function quantileChange(
  recorded: SideWatch,
  replayed: SideWatch,
  pairs: Pairs,
  name: PerRequestName,
  q: number,
): Change | null {
  const before: number[] = []
  const after: number[] = []
  const [left, right] = [recorded, replayed].map((side) => side.latency.columns[name].view())
  const step = Math.max(1, Math.ceil(pairs.recorded.length / MAX_PAIRS))
  for (let pair = 0; pair < pairs.recorded.length; pair += step) {
    const [a, b] = [left![pairs.recorded[pair]!]!, right![pairs.replayed[pair]!]!]
    if (Number.isNaN(a + b)) continue
    before.push(a)
    after.push(b)
  }
  if (before.length * Math.min(q, 1 - q) < MIN_BEYOND) return null
  return changeOf(Float64Array.from(before), Float64Array.from(after), q)
}

function changeOf(before: Float64Array, after: Float64Array, q: number): Change | null {
  const n = before.length
  const length = Math.max(...[before, after].map((side) => correlationLength(ranksOf(side))))
  if ((n / length) * Math.min(q, 1 - q) < MIN_BEYOND) return null
  const blockLength = Math.min(n, Math.ceil(Math.max(n ** (1 / 3), 3 * length)))
  const plan = planResamples(n, blockLength, RESAMPLES, sequenceFor('pairs', 'block bootstrap'))
  const [left, right] = [before, after].map((side) => quantileReplicates(side, [q], plan)[0]!)
  const ratios = right!.map((value, index) => value / left![index]! - 1).filter(Number.isFinite)
  const [from = 0] = quantiles(before, [q])
  const [to = 0] = quantiles(after, [q])
  if (ratios.length === 0 || from === 0) return null
  return { change: to / from - 1, ...percentileInterval(ratios), pairs: n, from_us: from }
}
