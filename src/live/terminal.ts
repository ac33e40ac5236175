/** A run as it goes, for a terminal: the bar, and under it how the last minutes went. Pure. */
import { formatCount, formatDuration } from '../base/format.ts'
import { type Progress, progressBar } from '../replay/progress.ts'
import { sparkline } from '../report/sparkline.ts'
import type { LivePoint } from './live-history.ts'

type Row = Readonly<{
  name: string
  value: (point: LivePoint) => number | null
  show: (value: number) => string
  now?: (progress: Progress) => number
}>

const ROWS: readonly Row[] = [
  {
    name: 'in flight',
    value: (point: LivePoint) => point.inFlight,
    show: formatCount,
    // The newest point is up to a second old; the bar above says what is so now.
    now: (progress: Progress) => progress.inFlight,
  },
  { name: 'done/s', value: (point: LivePoint) => point.donePerSec, show: formatCount },
  { name: 'TTFT p50', value: (point: LivePoint) => point.ttftP50Us, show: formatDuration },
  { name: 'TTFT p99', value: (point: LivePoint) => point.ttftP99Us, show: formatDuration },
  { name: 'tokens/s', value: (point: LivePoint) => point.outputTokensPerSec, show: formatCount },
  { name: 'waiting', value: (point: LivePoint) => point.waiting, show: formatCount },
  { name: 'errors', value: (point: LivePoint) => point.errors, show: formatCount },
  { name: 'lag p99', value: (point: LivePoint) => point.lagUs, show: formatDuration },
]

const LABEL_WIDTH = 12
/** '1,234 · most 1,234', with the blank before it. */
const VALUE_WIDTH = 24
/** A terminal that says it has fewer does not know its width. */
const MIN_COLUMNS = 20
const DEFAULT_COLUMNS = 80

/** @returns lines without a line feed at the end, none wider than `columns`; a row of what nobody knows is left out */
export function terminalView(
  progress: Progress,
  points: readonly LivePoint[],
  columns: number,
): string {
  const widest = columns >= MIN_COLUMNS ? columns : DEFAULT_COLUMNS
  const width = Math.max(10, Math.min(60, widest - LABEL_WIDTH - VALUE_WIDTH))
  const lines = ROWS.flatMap(({ name, value, show, now: exact }) => {
    const shown = points.slice(-width).map((point) => value(point) ?? null)
    if (shown.length > 0 && shown.every((each) => each === null)) return []
    const now = exact?.(progress) ?? shown.at(-1) ?? null
    const line = sparkline(
      shown.map((each) => each ?? Number.NaN),
      width,
    )
    const head = `${name.padEnd(LABEL_WIDTH)}${line.padEnd(width)} `
    if (now === null) return [head]
    const most = Math.max(...shown.map((each) => each ?? 0))
    const figures = `${show(now)} · most ${show(most)}`
    const isRoom = most > now && head.length + figures.length <= widest
    return [head + (isRoom ? figures : show(now))]
  })
  return [progressBar(progress, widest), ...lines]
    .map((line) => line.slice(0, widest).trimEnd())
    .join('\n')
}
