/** A change of the load on purpose: how it is written, and how strong it is at an instant. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs } from '../base/parse.ts'

export type DriftTarget =
  | Readonly<{ what: 'rate'; by: 'warp' | 'users' }>
  | Readonly<{ what: 'input' | 'output' | 'prefix' | 'hangups' }>
  | Readonly<{ what: 'mix'; of: 'tenant' | 'model'; name: string }>

/** Times are on the replayed clock, before drift of the rate moves it. */
export type Drift = Readonly<{
  target: DriftTarget
  /** New value over old, once the change is complete. */
  factor: number
  atUs: number
  /** How long the change takes; 0 is sudden. */
  overUs: number
  /** True: each request is old or new, by a coin that turns from one to the other. */
  isGradual: boolean
  /** The change comes again each so many µs; null: once. */
  everyUs: number | null
  /** The change goes away after so long; null: it stays (half of `everyUs` if that is given). */
  forUs: number | null
  /** As the user wrote it. */
  text: string
}>

const WANTED = "a change such as 'input=x1.5 at 10m over 5m'"

/** @throws TraceError BAD_OPTION naming the part that is wrong */
export function parseDrift(flag: string, text: string): Drift {
  const [, what = '', digits = '', rest = ''] =
    /^(\S.*?)=x(\d+(?:\.\d+)?)((?: .*)?)$/.exec(text) ?? []
  if (what === '') throw bad(flag, `wants ${WANTED}, got '${text}'`)
  const words = rest.split(/\s+/).filter((word) => word !== '')
  const isGradual = words.includes('gradual')
  const times = parseTimes(flag, words)
  const drift = {
    target: parseTarget(flag, what),
    factor: Number(digits),
    atUs: times.at ?? 0,
    overUs: times.over ?? 0,
    isGradual,
    everyUs: times.every ?? null,
    forUs: times.for ?? null,
    text,
  }
  check(flag, drift)
  return drift
}

type TimeWord = 'at' | 'over' | 'every' | 'for'

function parseTimes(flag: string, words: readonly string[]): Partial<Record<TimeWord, number>> {
  const times: Partial<Record<TimeWord, number>> = {}
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!
    if (word === 'gradual') continue
    if (word !== 'at' && word !== 'over' && word !== 'every' && word !== 'for') {
      throw bad(flag, `knows at, over, every, for and gradual, got '${word}'`)
    }
    index += 1
    times[word] = parseDurationUs(`${flag} … ${word}`, words[index] ?? '')
  }
  return times
}

function parseTarget(flag: string, text: string): DriftTarget {
  const [, mixOf, name = ''] = /^mix:(tenant|model):(.+)$/.exec(text) ?? []
  if (mixOf === 'tenant' || mixOf === 'model') return { what: 'mix', of: mixOf, name }
  if (text === 'rate' || text === 'rate:warp') return { what: 'rate', by: 'warp' }
  if (text === 'rate:users') return { what: 'rate', by: 'users' }
  if (text === 'input' || text === 'output' || text === 'prefix' || text === 'hangups') {
    return { what: text }
  }
  const known = 'rate, rate:users, input, output, prefix, hangups, mix:tenant:NAME, mix:model:NAME'
  throw bad(flag, `can change ${known}, not '${text}'`)
}

function check(flag: string, drift: Drift): void {
  const { target, factor, overUs, isGradual } = drift
  const canBeZero = target.what === 'mix' || target.what === 'prefix' || target.what === 'hangups'
  if (factor === 0 && !canBeZero) throw bad(flag, `cannot multiply ${target.what} by 0`)
  if (isGradual && overUs === 0) throw bad(flag, "wants 'over DURATION' with gradual")
  if (target.what === 'prefix' && factor > 1) {
    throw bad(flag, 'can only take prefix sharing away: a factor from x0 to x1')
  }
  if (drift.everyUs === 0) throw bad(flag, "wants 'every' above 0")
  const onUs = onTimeUs(drift)
  const offUs = drift.everyUs === null ? Infinity : drift.everyUs - onUs
  if (overUs > onUs || overUs > offUs || offUs <= 0) {
    throw bad(flag, "wants 'over' to fit into 'for', and both into 'every'")
  }
}

function onTimeUs({ everyUs, forUs }: Drift): number {
  return forUs ?? (everyUs === null ? Infinity : everyUs / 2)
}

function bad(flag: string, message: string): TraceError {
  return new TraceError('BAD_OPTION', `${flag} ${message}`)
}

/** 0: as recorded; 1: fully changed. Between them while the change is under way. */
export function driftWeight(drift: Drift, atUs: number): number {
  const sinceUs = atUs - drift.atUs
  const { everyUs } = drift
  const isRecurring = everyUs !== null && sinceUs >= 0
  const phaseUs = isRecurring ? sinceUs % everyUs : sinceUs
  const onUs = onTimeUs(drift)
  if (onUs === Infinity) return edge(drift, phaseUs)
  return edge(drift, phaseUs) * (1 - edge(drift, phaseUs - onUs))
}

/**
 * From 0 to 1 within [0, over]: a step, a straight line, or MOA's sigmoid 1/(1 + e^(-4(t - p)/w))
 * with its middle p at over/2 and its width w = over.
 */
function edge({ overUs, isGradual }: Drift, sinceUs: number): number {
  if (overUs === 0) return sinceUs >= 0 ? 1 : 0
  if (isGradual) return 1 / (1 + Math.exp((-4 * (sinceUs - overUs / 2)) / overUs))
  return Math.min(1, Math.max(0, sinceUs / overUs))
}

/** The multiplier at an instant where every request is changed by the same amount. */
export function driftFactor(drift: Drift, atUs: number): number {
  return 1 + (drift.factor - 1) * driftWeight(drift, atUs)
}

/** The multiplier for one request: of a gradual change it gets all or nothing. */
export function driftFactorFor(drift: Drift, atUs: number, uniform: number): number {
  if (!drift.isGradual) return driftFactor(drift, atUs)
  return uniform < driftWeight(drift, atUs) ? drift.factor : 1
}

/** Within so many widths of its middle a sigmoid has done all but 1/3,000 of its way. */
const SIGMOID_WIDTHS = 2
const SIGMOID_STEPS = 128
/** Changes that begin within one plan, at most: more is a mistake in `every`. */
export const MAX_ONSETS = 10_000

/** When the change begins, each time, up to `spanUs`. */
export function onsetsUs({ atUs, everyUs, text }: Drift, spanUs: number): number[] {
  if (everyUs === null) return atUs <= spanUs ? [atUs] : []
  const count = Math.max(0, Math.floor((spanUs - atUs) / everyUs) + 1)
  if (count > MAX_ONSETS) {
    throw new TraceError(
      'BAD_OPTION',
      `'${text}' would begin ${count} times, ${MAX_ONSETS} at most`,
    )
  }
  return Array.from({ length: count }, (_, index) => atUs + index * everyUs)
}

/** Ascending instants between which the change's weight is nearly a straight line. */
export function breakpointsUs(drift: Drift, spanUs: number): number[] {
  const onUs = onTimeUs(drift)
  const points = onsetsUs(drift, spanUs).flatMap((onset) => [
    ...edgePointsUs(drift, onset),
    ...(onUs === Infinity ? [] : edgePointsUs(drift, onset + onUs)),
  ])
  return points.filter((pointUs) => pointUs > 0).toSorted((a, b) => a - b)
}

function edgePointsUs({ overUs, isGradual }: Drift, startUs: number): number[] {
  if (overUs === 0) return [startUs]
  if (!isGradual) return [startUs, startUs + overUs]
  const firstUs = startUs + overUs / 2 - SIGMOID_WIDTHS * overUs
  const stepUs = (2 * SIGMOID_WIDTHS * overUs) / SIGMOID_STEPS
  return Array.from({ length: SIGMOID_STEPS + 1 }, (_, index) => firstUs + index * stepUs)
}
