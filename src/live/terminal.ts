/** A run as it goes, for a terminal: the bar, and under it how the last minutes went. Pure. */
import { formatCount, formatDuration } from '../base/format.ts'
import { type Progress, progressBar } from '../replay/progress.ts'
import { sparkline } from '../report/sparkline.ts'
import type { LivePoint } from './live-history.ts'

const ROWS = [
  { name: 'in flight', value: (point: LivePoint) => point.inFlight, show: formatCount },
  { name: 'done/s', value: (point: LivePoint) => point.donePerSec, show: formatCount },
  { name: 'TTFT p50', value: (point: LivePoint) => point.ttftP50Us, show: formatDuration },
  { name: 'TTFT p99', value: (point: LivePoint) => point.ttftP99Us, show: formatDuration },
  { name: 'tokens/s', value: (point: LivePoint) => point.outputTokensPerSec, show: formatCount },
  { name: 'waiting', value: (point: LivePoint) => point.waiting, show: formatCount },
  { name: 'errors', value: (point: LivePoint) => point.errors, show: formatCount },
  { name: 'lag p99', value: (point: LivePoint) => point.lagUs, show: formatDuration },
] as const

const LABEL_WIDTH = 12
const VALUE_WIDTH = 12
/** A terminal that says it has fewer does not know its width. */
const MIN_COLUMNS = 20
const DEFAULT_COLUMNS = 80

/** @returns lines without a line feed at the end, none wider than `columns`; a row of what nobody knows is left out */
export function terminalView(
  progress: Progress,
  points: readonly LivePoint[],
  columns: number,
): string {
  const most = columns >= MIN_COLUMNS ? columns : DEFAULT_COLUMNS
  const width = Math.max(10, Math.min(60, most - LABEL_WIDTH - VALUE_WIDTH))
  const lines = ROWS.flatMap(({ name, value, show }) => {
    const shown = points.slice(-width).map((point) => value(point) ?? null)
    if (shown.length > 0 && shown.every((each) => each === null)) return []
    const now = shown.at(-1) ?? null
    return [
      `${name.padEnd(LABEL_WIDTH)}${sparkline(
        shown.map((each) => each ?? Number.NaN),
        width,
      ).padEnd(width)} ${now === null ? '' : show(now)}`,
    ]
  })
  return [progressBar(progress, most), ...lines]
    .map((line) => line.slice(0, most).trimEnd())
    .join('\n')
}
