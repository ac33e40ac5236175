/** More users or fewer, at unchanged time scales: bursts, think times and reuse gaps stay. Pure. */
import type { Draw } from '../base/random.ts'
import { autocorrelation, countsPerWindow } from '../stats/arrivals.ts'
import type { CopyOrder } from './copies.ts'
import type { PlanColumns } from './plan.ts'
import { firstRows, type UserUnits } from './user-units.ts'

/** How many of a row's unit there are to be at an instant. */
export type UnitFactor = (row: number, landsAtUs: number) => number

/** Counts this far apart count as independent. */
const FREE_CORRELATION = 0.1
const WINDOW_US = 1_000_000
/** So long at least, where the span allows: twice the longest window that dispersion is looked at in. */
const SMALLEST_STRETCH_US = 120_000_000
/** A stretch is this part of the span at most. */
const LARGEST_SHARE = 1 / 8

/**
 * How long a burst lasts: the first lag at which counts per second are no longer correlated.
 *
 * @param dueUs ascending
 */
export function burstScaleUs(dueUs: Float64Array): number {
  const spanUs = (dueUs.at(-1) ?? 0) - (dueUs[0] ?? 0)
  const largestUs = Math.floor(spanUs * LARGEST_SHARE)
  const counts = countsPerWindow(dueUs, WINDOW_US)
  for (let lag = 1; lag * WINDOW_US < largestUs; lag *= 2) {
    if (!(Math.abs(autocorrelation(counts, lag)) > FREE_CORRELATION)) return lag * WINDOW_US
  }
  return largestUs
}

/**
 * Which rows come in which copy. For each further copy the time is cut into stretches longer than
 * the burst scale, and neighbours change places: bursts stay whole but meet others, the rate is the
 * stated one everywhere, and nothing wraps around from the end to the start.
 *
 * @param columns ascending by dueUs
 * @param copies of the load laid over each other at most, the first one included
 * @param draw keyed by (seq of a unit's first row, its copy, number of the new copy)
 */
export function copyOrders(
  columns: PlanColumns,
  units: UserUnits,
  factor: UnitFactor,
  copies: number,
  draw: Draw,
): CopyOrder[] {
  const { dueUs, seq, copy } = columns
  const first = firstRows(units)
  const stepUs = stretchStepUs(dueUs, copies)
  // A session moves whole, by its first row; other rows by themselves.
  const anchorOf = (row: number) =>
    units.unit[row]! < units.wholeCount ? first[units.unit[row]!]! : row
  return Array.from({ length: copies }, (_, number) => {
    const shiftOf = number === 0 ? () => 0 : swapped(dueUs, stepUs * (number + draw(0, number) / 2))
    const rows = new Uint32Array(dueUs.length)
    let count = 0
    for (let row = 0; row < dueUs.length; row += 1) {
      const anchor = anchorOf(row)
      const head = first[units.unit[row]!]!
      const share = factor(row, dueUs[anchor]! + shiftOf(anchor)) - number
      if (share >= 1 || draw(seq[head]!, copy[head], number) < share) rows[count++] = row
    }
    return { copy: number, shiftOf: (row) => shiftOf(anchorOf(row)), rows: rows.slice(0, count) }
  })
}

/** How far each row moves when neighbouring stretches of about `lengthUs` change places. */
function swapped(dueUs: Float64Array, lengthUs: number): (row: number) => number {
  const spanUs = dueUs.at(-1) ?? 0
  const count = 2 * Math.max(1, Math.floor(spanUs / (2 * Math.max(1, lengthUs))))
  const stretchUs = Math.floor(spanUs / count)
  return (row) => {
    const stretch = Math.min(count - 1, Math.floor(dueUs[row]! / Math.max(1, stretchUs)))
    return stretch % 2 === 0 ? stretchUs : -stretchUs
  }
}

/** Stretches of different copies differ in length by as much, so that no two copies meet alike. */
function stretchStepUs(dueUs: Float64Array, copies: number): number {
  const spanUs = dueUs.at(-1) ?? 0
  return Math.min(
    Math.max(burstScaleUs(dueUs), SMALLEST_STRETCH_US),
    (spanUs * LARGEST_SHARE) / Math.max(1, copies - 1),
  )
}

/**
 * A constant factor: whole units in a drawn order, until the share of rows is met as closely as
 * whole units allow. Closer than a coin for each where a few units make most of the load.
 *
 * @returns the factor of each unit, as `copyOrders` asks for it
 */
export function constantFactor(
  columns: PlanColumns,
  units: UserUnits,
  factor: number,
  draw: Draw,
): UnitFactor {
  const whole = Math.floor(factor)
  const first = firstRows(units)
  const sizes = new Uint32Array(units.count)
  for (const unit of units.unit) sizes[unit]! += 1
  const key = Float64Array.from(first, (row) => draw(columns.seq[row]!, columns.copy[row]))
  const order = Array.from(sizes.keys()).toSorted((a, b) => key[a]! - key[b]!)
  const isExtra = new Uint8Array(units.count)
  let missing = (factor - whole) * units.unit.length
  for (const unit of order) {
    if (sizes[unit]! / 2 > missing) continue
    isExtra[unit] = 1
    missing -= sizes[unit]!
  }
  return (row) => whole + isExtra[units.unit[row]!]!
}
