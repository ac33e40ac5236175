/** The live line of a replay. Pure. */
import { formatCount, formatDuration, plural } from '../base/format.ts'

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

const MIN_BAR = 8
const MAX_BAR = 26

/** '00:01:02   76 %  due 8,013 · sent 8,013 · 118 in flight · 4 errors · lag p99 0.2 ms' */
export function progressLine(progress: Progress): string {
  const head = `${clockText(progress.elapsedUs)}  ${percent(doneShare(progress))}  `
  return head + clauses(progress).join(' · ')
}

/** '███░░  76 %  due 8,013 · …': a bar in what room there is; clauses for which there is none are left out. */
export function progressBar(progress: Progress, columns: number): string {
  const share = doneShare(progress)
  const shown = clauses(progress)
  const room = () => columns - shown.join(' · ').length - ' 100 %  '.length
  while (shown.length > 1 && room() < MIN_BAR) shown.pop()
  const width = Math.max(MIN_BAR, Math.min(MAX_BAR, room()))
  const filled = Math.floor(share * width)
  const bar = '█'.repeat(filled) + '░'.repeat(width - filled)
  return `${bar} ${percent(share)}  ${shown.join(' · ')}`
}

function doneShare({ planned, done }: Progress): number {
  return planned === 0 ? 1 : done / planned
}

function clauses({ due, sent, inFlight, errors, hungUp, dropped, cut, lagUs }: Progress): string[] {
  return [
    `due ${formatCount(due)}`,
    `sent ${formatCount(sent)}`,
    `${formatCount(inFlight)} in flight`,
    plural(errors, 'error'),
    ...(hungUp === 0 ? [] : [`${formatCount(hungUp)} hung up`]),
    ...(dropped === 0 ? [] : [`${formatCount(dropped)} left out`]),
    ...(cut === 0 ? [] : [`${formatCount(cut)} cut short`]),
    ...(lagUs === null ? [] : [`lag p99 ${formatDuration(lagUs)}`]),
  ]
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
