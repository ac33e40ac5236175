/**
 * What the place of measurement costs: the same requests of one run, seen by the relay in front of the
 * target and by the client that replayed them. Pure but for the readers.
 */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { formatDuration, plural } from '../base/format.ts'
import { sequenceFor } from '../base/random.ts'
import { planResamples, quantileReplicates } from '../stats/bootstrap.ts'
import { correlationLength } from '../stats/dependence.ts'
import { percentileInterval } from '../stats/quantile-estimate.ts'
import { quantiles } from '../stats/quantile.ts'
import { openTrace } from '../trace/open.ts'
import type { Change } from './pairing.ts'
import { type SideWatch, watchSide } from './side-watch.ts'

export const CALIBRATION_VERSION = 1

/** At the client less at the relay, µs, with its 95 % interval; null: too few requests. */
export type PlaceCost = Readonly<{ shift_us: number; low_us: number; high_us: number }> | null

export const PLACE_METRICS = ['ttft_due', 'tpot', 'e2e_due'] as const
export const PLACE_QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const
export type PlaceMetric = (typeof PLACE_METRICS)[number]
export type PlaceQuantile = keyof typeof PLACE_QUANTILES

export type Calibration = Readonly<{
  schema_version: number
  /** Of the server that both saw; another one's calibration says nothing. */
  fingerprint: string | null
  /** Requests seen in both places. */
  pairs: number
  place: Readonly<Record<PlaceMetric, Readonly<Record<PlaceQuantile, PlaceCost>>>>
}>

/** @param relayPath what a recorder saw of the run @param runPath the run itself */
export async function calibrate(relayPath: string, runPath: string): Promise<Calibration> {
  const relay = await openTrace(relayPath)
  const run = await openTrace(runPath)
  try {
    const [there, here] = [await watchSide(relay), await watchSide(run)]
    return calibrationOf(there, here, run.header.server.fingerprint)
  } finally {
    await relay.close()
    await run.close()
  }
}

const COLUMN = { ttft_due: 'ttftDue', tpot: 'tpot', e2e_due: 'e2eDue' } as const

export function calibrationOf(
  relay: SideWatch,
  client: SideWatch,
  fingerprint: string | null,
): Calibration {
  const pairs = pairBySource(relay, client)
  const costs = (metric: PlaceMetric) => {
    const [before, after] = bothKnown(relay, client, pairs, metric)
    return Object.fromEntries(
      Object.entries(PLACE_QUANTILES).map(([name, q]) => [name, shiftOf(before, after, q)]),
    ) as Record<PlaceQuantile, PlaceCost>
  }
  return {
    schema_version: CALIBRATION_VERSION,
    fingerprint,
    pairs: pairs.length,
    place: { ttft_due: costs('ttft_due'), tpot: costs('tpot'), e2e_due: costs('e2e_due') },
  }
}

type Pair = readonly [relay: number, client: number]

/** In order of the client's rows. A row of which there are several, after a retry, is left out. */
function pairBySource(relay: SideWatch, client: SideWatch): Pair[] {
  const rowOf = new Map<string, number>()
  keysOf(relay).forEach((key, row) => rowOf.set(key, rowOf.has(key) ? -1 : row))
  return keysOf(client).flatMap((key, row): Pair[] => {
    const found = rowOf.get(key) ?? -1
    rowOf.set(key, -1)
    return found < 0 ? [] : [[found, row]]
  })
}

function keysOf({ columns }: SideWatch): string[] {
  const copies = columns.copy.view()
  return Array.from(columns.source.view(), (source, row) => `${source} ${copies[row]! || 0}`)
}

/** From the first byte of the request in either place: the client's own lateness is not the place's. */
function bothKnown(
  relay: SideWatch,
  client: SideWatch,
  pairs: readonly Pair[],
  metric: PlaceMetric,
): [Float64Array, Float64Array] {
  const valueOf = ({ latency }: SideWatch, row: number) =>
    latency.columns[COLUMN[metric]].view()[row]! -
    (metric === 'tpot' ? 0 : latency.columns.lag.view()[row]! || 0)
  const known = pairs
    .map(([there, here]) => [valueOf(relay, there), valueOf(client, here)] as const)
    .filter(([there, here]) => !Number.isNaN(there + here))
  return [
    Float64Array.from(known, ([there]) => there),
    Float64Array.from(known, ([, here]) => here),
  ]
}

const RESAMPLES = 1_000
/** Fewer pairs beyond a quantile do not tell it. */
const MIN_BEYOND = 5

function shiftOf(before: Float64Array, after: Float64Array, q: number): PlaceCost {
  const n = before.length
  if (n * Math.min(q, 1 - q) < MIN_BEYOND) return null
  const differences = after.map((value, index) => value - before[index]!)
  const length = correlationLength(differences)
  const blockLength = Math.min(n, Math.ceil(Math.max(n ** (1 / 3), 3 * length)))
  const draws = sequenceFor('calibration', 'block bootstrap')
  const plan = planResamples(n, blockLength, RESAMPLES, draws)
  const [left, right] = [before, after].map((side) => quantileReplicates(side, [q], plan)[0]!)
  const { low, high } = percentileInterval(right!.map((value, index) => value - left![index]!))
  const shift = quantiles(after, [q])[0]! - quantiles(before, [q])[0]!
  return { shift_us: Math.round(shift), low_us: Math.round(low), high_us: Math.round(high) }
}

/** Both uncertainties add up: the interval is at least as wide as it need be. */
export function withoutPlace(
  { change, low, high, from_us: fromUs }: Change,
  cost: PlaceCost,
): Readonly<{ change: number; low: number; high: number }> | null {
  if (cost === null || fromUs <= 0) return null
  return {
    change: change - cost.shift_us / fromUs,
    low: low - cost.high_us / fromUs,
    high: high - cost.low_us / fromUs,
  }
}

export function calibrationNote({ pairs, place }: Calibration): string {
  const cost = place.ttft_due.p50
  const what =
    cost === null
      ? 'too few of them to tell what the place costs'
      : `TTFT p50 is ${formatDuration(cost.shift_us)} more at the client than at the relay ` +
        `(${formatDuration(cost.low_us)} … ${formatDuration(cost.high_us)})`
  return `calibrated by ${plural(pairs, 'request')} seen in both places: ${what}`
}

/** @throws TraceError BAD_OPTION where the file is none that `trace replay --calibrate` wrote */
export async function readCalibration(flag: string, path: string): Promise<Calibration> {
  const text = await readText(flag, path)
  try {
    const found = JSON.parse(text) as Partial<Calibration>
    const place: Partial<Record<string, Partial<Record<string, PlaceCost>>>> = found.place ?? {}
    const isWhole = PLACE_METRICS.every((metric) =>
      Object.keys(PLACE_QUANTILES).every((name) => place[metric]?.[name] !== undefined),
    )
    if (found.schema_version === CALIBRATION_VERSION && isWhole) return found as Calibration
  } catch {
    // Said below.
  }
  throw new TraceError('BAD_OPTION', `${flag}: ${path} is no calibration of this release`, {
    hint: '`trace replay TRACE --target URL --calibrate` writes one beside its result.',
  })
}
