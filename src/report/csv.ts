/** A report's numbers as one CSV table, for a spreadsheet. Pure. */
import type { Report } from './report.ts'
import { PERCENTILES } from './metric.ts'
import type { Side } from './side.ts'

const HEAD = 'side,name,statistic,value,low,high,samples,unit'

export function reportCsv({ side, recorded }: Report): string {
  const rows = [...sideRows('run', side), ...(recorded ? sideRows('against', recorded.side) : [])]
  return `${[HEAD, ...rows].join('\n')}\n`
}

function sideRows(label: string, { metrics, requests, throughput }: Side): string[] {
  const latencies = Object.entries(metrics).flatMap(([name, metric]) =>
    metric === null
      ? []
      : [
          row(label, name, 'mean', metric.mean, null, null, metric.n, 'us'),
          ...PERCENTILES.flatMap((statistic) => {
            const found = metric[statistic]
            return found
              ? [row(label, name, statistic, found.value, found.low, found.high, metric.n, 'us')]
              : []
          }),
        ],
  )
  const counts = Object.entries({
    ok: requests.ok,
    hung_up: requests.hung_up,
    failed: requests.failed,
    end_unseen: requests.end_unseen,
  })
  return [
    ...latencies,
    ...counts.map(([name, count]) =>
      row(label, name, 'count', count, null, null, requests.total, 'requests'),
    ),
    ...Object.entries(throughput).flatMap(([name, value]) =>
      value === null
        ? []
        : [
            row(
              label,
              name,
              'mean',
              value,
              null,
              null,
              requests.total,
              name.endsWith('_s') && name !== 'window_s' ? '1/s' : 's',
            ),
          ],
    ),
  ]
}

function row(...cells: readonly (string | number | null)[]): string {
  return cells.map((cell) => (cell === null ? '' : String(cell))).join(',')
}
