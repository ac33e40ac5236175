/** A history as one page. Pure. */
import { chart, dot, gridY, line, ruleX } from './chart.ts'
import { ONE, TWO, wholeNumber } from './chart-style.ts'
import { formatHistory } from './history-text.ts'
import type { History } from './history.ts'
import { escapeHtml, figure, page } from './page.ts'

export function historyPage(history: History): string {
  const pictures = history.numbers.map(({ name, values, changes }) => {
    const scale = name.includes('.') ? 1 / 1_000 : 1
    const points = values.map((value, run) => ({
      run,
      value: value === null ? Number.NaN : value * scale,
    }))
    return figure(
      chart({
        label: `${name} of each run, in order of time; ${changes.length} changes of level`,
        height: 180,
        x: { label: 'run →', tickFormat: wholeNumber },
        y: { label: `↑ ${name}${name.includes('.') ? ', ms' : ''}`, zero: true },
        marks: [
          gridY(),
          ruleX(changes, {
            x: (change) => change.index - 0.5,
            stroke: TWO,
            strokeDasharray: '3,3',
          }),
          line(points, { x: 'run', y: 'value', stroke: ONE }),
          dot(
            points.filter(({ value }) => !Number.isNaN(value)),
            { x: 'run', y: 'value', fill: ONE, r: 3 },
          ),
        ],
      }),
      changes.length === 0 ? `${name}.` : `${name}. Dashed: the level changed.`,
    )
  })
  return page(
    'trace history',
    `<h1>${history.runs.length} runs</h1><pre>${escapeHtml(formatHistory(history))}</pre>${pictures.join('')}`,
  )
}
