/** How closely a replay's load follows the recording it replays: arrivals, sizes, sharing. Pure. */
import { dispersionIndex, gapsOf } from '../stats/arrivals.ts'
import { ksDistance, wasserstein } from '../stats/distance.ts'
import { rowsWhere } from '../stats/growing.ts'
import { describe } from '../stats/moments.ts'
import { classOfCode } from '../trace/outcome-class.ts'
import type { Pairs } from './pairing.ts'
import { type SideWatch, wasSent } from './side-watch.ts'

export type Stimulus = Readonly<{
  pairs: number
  /** Sent, but no row of the recording. */
  unpaired: number
  /** Recorded span over replayed span of the paired rows. */
  speed: number | null
  /** Of inter-arrival gaps, the recorded ones divided by the speed. */
  arrivals: Readonly<{
    ks: number | null
    /** Wasserstein distance over the mean gap. */
    w1_over_mean: number | null
    /** Replayed over recorded, windows of the recording shortened by the speed. */
    idc_ratio_1s: number | null
    idc_ratio_10s: number | null
  }>
  prompt_tokens: SizeMatch
  output_tokens: SizeMatch
  /** Served from cache: shares of prompt tokens where the server tells. */
  cached_share: Readonly<{ recorded: number | null; replayed: number | null }>
  hang_ups: Readonly<{ recorded: number; replayed: number }>
}>

export type SizeMatch = Readonly<{
  compared: number
  exact_share: number | null
  ks: number | null
}>

export function stimulusOf(recorded: SideWatch, replayed: SideWatch, pairs: Pairs): Stimulus {
  const once = firstCopies(replayed, pairs)
  const before = picked(recorded.columns.at.view(), once.recorded).toSorted()
  const after = sentAt(replayed, once.replayed).toSorted()
  // What was recorded at one instant has no speed.
  const speed = spanOf(before) > 0 ? orNull(spanOf(before) / spanOf(after)) : null
  const [left, right] = [gapsOf(before).map((us) => us / (speed ?? 1)), gapsOf(after)]
  const idcRatio = (windowUs: number) =>
    orNull(dispersionIndex(after, windowUs / (speed ?? 1)) / dispersionIndex(before, windowUs))
  return {
    pairs: pairs.recorded.length,
    unpaired: sentCount(replayed) - pairs.replayed.length,
    speed,
    arrivals: {
      ks: orNull(ksDistance(rounded(left), rounded(right))),
      w1_over_mean: orNull(wasserstein(left, right) / describe(left).mean),
      idc_ratio_1s: idcRatio(1_000_000),
      idc_ratio_10s: idcRatio(10_000_000),
    },
    prompt_tokens: sizeMatch(recorded, replayed, pairs, 'prompt'),
    output_tokens: sizeMatch(recorded, replayed, pairs, 'output'),
    cached_share: { recorded: cachedShare(recorded), replayed: cachedShare(replayed) },
    hang_ups: {
      recorded: hangUps(recorded, pairs.recorded),
      replayed: hangUps(replayed, pairs.replayed),
    },
  }
}

function sentCount(watch: SideWatch): number {
  return rowsWhere(watch.columns.at.length, (row) => wasSent(watch, row)).length
}

/** Further laps and added users repeat a recorded arrival at other times: each counts once. */
function firstCopies({ columns }: SideWatch, { recorded, replayed }: Pairs): Pairs {
  const copy = columns.copy.view()
  const isFirst = (_: number, pair: number) => !(copy[replayed[pair]!]! > 0)
  return { recorded: recorded.filter(isFirst), replayed: replayed.filter(isFirst) }
}

function hangUps({ columns }: SideWatch, rows: Uint32Array): number {
  const outcome = columns.outcome.view()
  return rows.filter((row) => classOfCode(outcome[row]!) === 'hung_up').length
}

function sizeMatch(
  recorded: SideWatch,
  replayed: SideWatch,
  pairs: Pairs,
  column: 'prompt' | 'output',
): SizeMatch {
  const before: number[] = []
  const after: number[] = []
  let exact = 0
  for (let pair = 0; pair < pairs.recorded.length; pair += 1) {
    const a = recorded.columns[column].view()[pairs.recorded[pair]!]!
    const b = replayed.columns[column].view()[pairs.replayed[pair]!]!
    if (Number.isNaN(a + b)) continue
    before.push(a)
    after.push(b)
    if (a === b) exact += 1
  }
  return {
    compared: before.length,
    exact_share: orNull(exact / before.length),
    ks: orNull(ksDistance(Float64Array.from(before), Float64Array.from(after))),
  }
}

/** When each paired row was sent; lateness is part of what the server saw. */
function sentAt({ columns, latency }: SideWatch, rows: Uint32Array): Float64Array {
  const [at, lag] = [columns.at.view(), latency.columns.lag.view()]
  return Float64Array.from(rows, (row) => at[row]! + (lag[row]! || 0))
}

function picked(values: Float64Array, rows: Uint32Array): Float64Array {
  return Float64Array.from(rows, (row) => values[row]!)
}

/** Gaps are compared to the tenth of a millisecond: below it only the clock differs. */
function rounded(gapsUs: Float64Array): Float64Array {
  return gapsUs.map((us) => Math.round(us / 100))
}

function spanOf(sortedAtUs: Float64Array): number {
  return (sortedAtUs.at(-1) ?? 0) - (sortedAtUs[0] ?? 0)
}

function cachedShare({ columns }: SideWatch): number | null {
  const [cached, prompt] = [columns.cached.view(), columns.prompt.view()]
  let [above, below] = [0, 0]
  for (let row = 0; row < cached.length; row += 1) {
    if (Number.isNaN(cached[row]! + prompt[row]!)) continue
    above += cached[row]!
    below += prompt[row]!
  }
  return orNull(above / below)
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
