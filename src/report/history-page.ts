/** A history as one page. Pure. */
import { plural, significant } from '../base/format.ts'
import { chart, dot, gridY, line, ruleX } from './chart.ts'
import { ONE, TWO, wholeNumber } from './chart-style.ts'
import { historyValue, unchangedText } from './history-text.ts'
import type { History } from './history.ts'
import { escapeHtml, figure, page, section, table } from './page.ts'

type Followed = History['numbers'][number]

export function historyPage(history: History): string {
  const followed = history.numbers.filter(({ values }) => values.some((value) => value !== null))
  const body = [
    `<h1>History of ${plural(history.runs.length, 'run')}</h1>`,
    changesOf(followed),
    ...followed.map((each) => section({ title: each.name, body: pictureOf(each) })),
    runsOf(history, followed),
  ]
  return page('trace history', body.join(''))
}

/** What changed comes before how it went. */
function changesOf(followed: readonly Followed[]): string {
  const rows = followed.flatMap(({ name, changes }) =>
    changes.map(({ run, before, after, change, p }) => [
      name,
      run,
      historyValue(name, before),
      historyValue(name, after),
      `${change < 0 ? '−' : '+'}${significant(Math.abs(change * 100), 3)} %`,
      significant(p, 2),
    ]),
  )
  if (rows.length === 0) {
    const counts = followed.map(({ values }) => values.filter((value) => value !== null).length)
    return `<p>Runs: ${unchangedText(Math.max(0, ...counts))}.</p>`
  }
  const head = ['number', 'from run', 'before', 'after', 'change', 'p']
  return section({ title: 'Changes of level', body: table('Changes of level', head, rows) })
}

function pictureOf({ name, values, changes }: Followed): string {
  const scale = name.includes('.') ? 1 / 1_000 : 1
  const points = values.map((value, index) => ({
    run: index + 1,
    value: value === null ? Number.NaN : value * scale,
  }))
  const drawing = chart({
    label: `${name} of each run, in order of time; ${plural(changes.length, 'change')} of level`,
    height: 180,
    x: { label: 'run →', tickFormat: wholeNumber, ticks: Math.min(10, values.length) },
    y: { label: `↑ ${name.includes('.') ? 'ms' : name}`, zero: true },
    marks: [
      gridY(),
      ruleX(changes, { x: (change) => change.index + 0.5, stroke: TWO, strokeDasharray: '3,3' }),
      line(points, { x: 'run', y: 'value', stroke: ONE }),
      dot(
        points.filter(({ value }) => !Number.isNaN(value)),
        { x: 'run', y: 'value', fill: ONE, r: 3 },
      ),
    ],
  })
  const last = values.findLast((value) => value !== null) ?? 0
  const dashes = changes.length === 0 ? '' : ' Dashed: the level changed.'
  return figure(drawing, `${historyValue(name, last)} in the latest run.${dashes}`)
}

function runsOf({ runs, left_out: leftOut }: History, followed: readonly Followed[]): string {
  const rows = runs.map(({ name, verdict }, index) => [
    String(index + 1),
    name,
    verdict,
    ...followed.map(({ name: number, values }) => {
      const value = values[index] ?? null
      return value === null ? '–' : historyValue(number, value)
    }),
  ])
  const head = ['run', 'name', 'verdict', ...followed.map(({ name }) => name)]
  const absent = leftOut.map(
    ({ name, reason }) => `<li>${escapeHtml(name)}: ${escapeHtml(reason)}</li>`,
  )
  const left = absent.length === 0 ? '' : `<p>Left out:</p><ul>${absent.join('')}</ul>`
  return section({ title: 'Runs', body: table('Runs', head, rows) + left })
}
