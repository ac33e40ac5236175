/** Which part of a run counts: warm-up and drain are cut by when requests were due, never by when they ended. Pure but for the readers. */
import { TraceError } from '../base/errors.ts'
import { formatCount, formatDuration } from '../base/format.ts'
import { parseDurationUs } from '../base/parse.ts'
import type { TraceReader } from '../trace/trace.ts'
import { type Keep, type SideWatch, wasSent, watchSide } from './side-watch.ts'

export const WINDOW_FLAGS = {
  warmup: {
    flags: '--warmup <duration>',
    description: 'leave out what was due before, on both sides; the verdict is still on all',
    default: '0s',
  },
  drain: {
    flags: '--drain <duration>',
    description: 'leave out what was due in the last such time, on both sides',
    default: '0s',
  },
} as const

export type RawWindow = { warmup?: string; drain?: string }

/** Lengths, µs. */
export type WindowWish = Readonly<{ warmupUs: number; drainUs: number }>

export type Window = Readonly<{
  /** µs since the run's origin; both ends count. */
  from_us: number
  to_us: number
  cut_before: number
  cut_after: number
}>

/** @throws TraceError BAD_OPTION; @returns null where nothing is cut */
export function parseWindow(raw: RawWindow): WindowWish | null {
  const warmupUs = raw.warmup === undefined ? 0 : parseDurationUs('--warmup', raw.warmup)
  const drainUs = raw.drain === undefined ? 0 : parseDurationUs('--drain', raw.drain)
  return warmupUs === 0 && drainUs === 0 ? null : { warmupUs, drainUs }
}

/** @throws TraceError BAD_OPTION where nothing would be left */
function windowOf({ columns }: SideWatch, wish: WindowWish | null): Window | null {
  const at = columns.at.view()
  if (wish === null || at.length === 0) return null
  const fromUs = at[0]! + wish.warmupUs
  const toUs = at.at(-1)! - wish.drainUs
  const before = at.findIndex((us) => us >= fromUs)
  const after = at.length - 1 - at.findLastIndex((us) => us <= toUs)
  if (before < 0 || before + after >= at.length) {
    throw new TraceError('BAD_OPTION', '--warmup and --drain leave nothing of the run')
  }
  return { from_us: fromUs, to_us: toUs, cut_before: before, cut_after: after }
}

/** @returns both sides with what counts of them, and the run as a whole */
export async function cutSides(
  run: TraceReader,
  against: TraceReader | null,
  wish: WindowWish | null = null,
) {
  const whole = await watchSide(run)
  const window = windowOf(whole, wish)
  const counted = window === null ? whole : await watchSide(run, within(window))
  const other = against === null ? null : await otherSide(against, counted, window)
  return { whole, counted, other, window }
}

/** What this run sent of the recording, each row once; where it replays none of it, the same times. */
async function otherSide(
  against: TraceReader,
  counted: SideWatch,
  window: Window | null,
): Promise<SideWatch> {
  const sources = sentSources(counted)
  // The sources of another replay are not its own rows.
  if (sources.size > 0 && against.header.kind !== 'replayed') {
    const sentAgain = await watchSide(against, (_atUs, seq) => sources.has(seq))
    if (sentAgain.columns.at.length > 0) return sentAgain
  }
  return watchSide(against, keepOf(window))
}

function sentSources(watch: SideWatch): Set<number> {
  const sources = new Set<number>()
  watch.columns.source.view().forEach((source, row) => {
    if (!Number.isNaN(source) && wasSent(watch, row)) sources.add(source)
  })
  return sources
}

function within({ from_us: fromUs, to_us: toUs }: Window): Keep {
  return (atUs) => atUs >= fromUs && atUs <= toUs
}

export function keepOf(window: Window | null): Keep | undefined {
  return window === null ? undefined : within(window)
}

/** @param other whose rows are those of the counted requests */
export function partNotes(other: SideWatch | null): string[] {
  if (other === null || other.leftOutCount === 0) return []
  const count = other.columns.at.length
  return [
    `recorded figures are of the ${formatCount(count)} of ` +
      `${formatCount(count + other.leftOutCount)} requests that are compared with this run`,
  ]
}

export function windowNotes(window: Window | null): string[] {
  if (window === null) return []
  const { from_us: fromUs, to_us: toUs, cut_before: before, cut_after: after } = window
  return [
    `figures of what was due from ${formatDuration(fromUs)} to ${formatDuration(toUs)}; ` +
      `left out ${formatCount(before)} before and ${formatCount(after)} after`,
  ]
}
