/** Latencies as lines of text, with how sure each is. Pure. */
import { formatCount, formatDuration } from '../base/format.ts'
import { METRIC_LABELS } from './metric-label.ts'
import type { Metric, Percentile, PercentileName } from './metric.ts'
import type { MetricName, Side } from './side.ts'

/** What fits a terminal; the other percentiles are in the page and the JSON. */
const SHOWN = ['p50', 'p95', 'p99'] as const
const LABEL_WIDTH = 17
const COUNT_WIDTH = 10
const CELL_WIDTH = 17

export function metricLines(side: Side): string[] {
  const shown = Object.entries(side.metrics).flatMap(([name, metric]) =>
    metric === null || isRepeated(side, name as MetricName)
      ? []
      : [{ label: METRIC_LABELS[name as MetricName], metric }],
  )
  if (shown.length === 0) return []
  const unsure = shown.flatMap(({ metric }) => SHOWN.map((name) => metric[name]))
  // Where most of a column cannot say how sure it is, one note says it better than a mark in each cell.
  const marked = SHOWN.filter((name) => {
    const found = shown.flatMap(({ metric }) => metric[name] ?? [])
    return found.filter(({ method }) => method === 'cannot-say').length * 2 < found.length
  })
  return [
    tableRow('latency', 'samples', SHOWN),
    ...shown.map(({ label, metric }) =>
      tableRow(
        label,
        formatCount(metric.n),
        SHOWN.map((name) => percentileCell(metric, name, marked.includes(name))),
      ),
    ),
    ...(unsure.includes(null) ? ['–  too few samples to bound it'] : []),
    ...(unsure.some((found) => found?.method === 'cannot-say')
      ? ['±? or no ±: neighbouring requests are too alike to say how sure it is']
      : []),
  ]
}

function tableRow(label: string, count: string, cells: readonly string[]): string {
  const text = cells.map((cell) => cell.padEnd(CELL_WIDTH)).join('')
  return `${label.padEnd(LABEL_WIDTH)}${count.padStart(COUNT_WIDTH)}   ${text}`.trimEnd()
}

/** First content is worth a line only where reasoning came before it. */
function isRepeated({ metrics }: Side, name: MetricName): boolean {
  if (name === 'lag') return metrics.lag?.max === 0
  if (name === 'ttfc') return metrics.ttfc?.mean === metrics.ttft?.mean
  if (name === 'icl') return metrics.icl?.n === metrics.itl?.n
  return false
}

/** '241 ms ±4 %': half the interval's width beside the value, so that a line stays readable. */
function percentileCell(metric: Metric, name: PercentileName, isMarked: boolean): string {
  const found = metric[name]
  if (!found) return '–'
  const spread = spreadOf(found)
  return `${formatDuration(found.value)}${spread === ' ±?' && !isMarked ? '' : spread}`
}

function spreadOf({ value, low, high }: Percentile): string {
  if (low === null || high === null) return ' ±?'
  const half = (high - low) / 2 / value
  return value > 0 && half >= 0.005 ? ` ±${formatCount(half * 100)} %` : ' ±0 %'
}
