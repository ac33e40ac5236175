/** The live line of a replay. Pure. */
import { formatCount, formatDuration } from '../base/format.ts'

export type Progress = Readonly<{
  planned: number
  due: number
  sent: number
  inFlight: number
  hungUp: number
  dropped: number
  /** Ended by an interruption of the run: in flight, or not yet sent. */
  cut: number
  errors: number
  /** 99th percentile so far, µs; null before the first send. */
  lagUs: number | null
  done: number
  elapsedUs: number
}>

const BAR_WIDTH = 26

/** '███░░ 76 %  due 8,013 · sent 8,013 · 118 in flight · 4 errors · lag p99 0.2 ms' */
export function progressLine(progress: Progress, withBar: boolean): string {
  const { planned, due, sent, inFlight, errors, hungUp, dropped, cut, lagUs, done } = progress
  const share = planned === 0 ? 1 : done / planned
  const filled = Math.floor(share * BAR_WIDTH)
  const head = withBar
    ? `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${percent(share)}  `
    : `${clockText(progress.elapsedUs)}  ${percent(share)}  `
  return (
    head +
    [
      `due ${formatCount(due)}`,
      `sent ${formatCount(sent)}`,
      `${formatCount(inFlight)} in flight`,
      `${formatCount(errors)} errors`,
      ...(hungUp === 0 ? [] : [`${formatCount(hungUp)} hung up`]),
      ...(dropped === 0 ? [] : [`${formatCount(dropped)} dropped`]),
      ...(cut === 0 ? [] : [`${formatCount(cut)} cut short`]),
      ...(lagUs === null ? [] : [`lag p99 ${formatDuration(lagUs)}`]),
    ].join(' · ')
  )
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`.padStart(5)
}

function clockText(us: number): string {
  const seconds = Math.max(0, Math.floor(us / 1_000_000))
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/** How many of the ascending instants have come. */
export function dueCount(dueUs: Float64Array, nowUs: number): number {
  let low = 0
  let high = dueUs.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((dueUs[middle] ?? 0) <= nowUs) low = middle + 1
    else high = middle
  }
  return low
}
