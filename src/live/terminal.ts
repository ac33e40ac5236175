/** A run as it goes, for a terminal: the bar, and under it how the last minutes went. Pure. */
import { formatCount, formatDuration } from '../base/format.ts'
import { type Progress, progressLine } from '../replay/progress.ts'
import { sparkline } from '../report/sparkline.ts'

/** One point of the pictures; the newest last. */
export type LivePoint = Readonly<{
  elapsedUs: number
  inFlight: number
  sentPerSec: number
  donePerSec: number
  errors: number
  lagUs: number
}>

/** Ten minutes at one point a second. */
const MAX_POINTS = 600
const POINT_US = 1_000_000

/** Keeps one point a second of what a run publishes. */
export class LiveHistory {
  readonly #points: LivePoint[] = []
  #last: Progress | null = null

  get points(): readonly LivePoint[] {
    return this.#points
  }

  /** @returns the new point, or null where less than a second has passed since the last */
  add(progress: Progress): LivePoint | null {
    const last = this.#last
    if (last !== null && progress.elapsedUs - last.elapsedUs < POINT_US) return null
    const seconds = (progress.elapsedUs - (last?.elapsedUs ?? 0)) / 1e6 || 1
    const point = {
      elapsedUs: progress.elapsedUs,
      inFlight: progress.inFlight,
      sentPerSec: (progress.sent - (last?.sent ?? 0)) / seconds,
      donePerSec: (progress.done - (last?.done ?? 0)) / seconds,
      errors: progress.errors - (last?.errors ?? 0),
      lagUs: progress.lagUs ?? 0,
    }
    this.#last = progress
    this.#points.push(point)
    if (this.#points.length > MAX_POINTS) this.#points.shift()
    return point
  }
}

const ROWS = [
  { name: 'in flight', value: (point: LivePoint) => point.inFlight, show: formatCount },
  { name: 'done/s', value: (point: LivePoint) => point.donePerSec, show: formatCount },
  { name: 'errors', value: (point: LivePoint) => point.errors, show: formatCount },
  { name: 'lag p99', value: (point: LivePoint) => point.lagUs, show: formatDuration },
] as const

const LABEL_WIDTH = 12
const VALUE_WIDTH = 12
/** A terminal that says it has fewer does not know its width. */
const MIN_COLUMNS = 20
const DEFAULT_COLUMNS = 80

/** @returns lines without a line feed at the end, none wider than `columns` */
export function terminalView(
  progress: Progress,
  points: readonly LivePoint[],
  columns: number,
): string {
  const most = columns >= MIN_COLUMNS ? columns : DEFAULT_COLUMNS
  const width = Math.max(10, Math.min(60, most - LABEL_WIDTH - VALUE_WIDTH))
  const lines = ROWS.map(({ name, value, show }) => {
    const shown = points.slice(-width).map(value)
    const now = shown.at(-1)
    return `${name.padEnd(LABEL_WIDTH)}${sparkline(shown, width).padEnd(width)} ${now === undefined ? '' : show(now)}`
  })
  return [progressLine(progress, true), ...lines]
    .map((line) => line.slice(0, most).trimEnd())
    .join('\n')
}
