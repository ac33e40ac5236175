/** A comparison as one page: the decision, then each number with all its runs. Pure. */
import { plural } from '../base/format.ts'
import { chart, dot, tickX } from './chart.ts'
import { plainNumber } from './chart-style.ts'
import { formatComparison } from './comparison-text.ts'
import type { ComparedNumber, Comparison } from './comparison.ts'
import { escapeHtml, figure, legend, page, section } from './page.ts'

const WORDS: Readonly<Record<number, string>> = {
  0: 'PASS',
  97: 'INCONCLUSIVE',
  98: 'INVALID',
  99: 'REGRESSION',
}

export function comparisonPage(comparison: Comparison): string {
  const word = WORDS[comparison.exit_code] ?? 'PASS'
  const pictures = comparison.numbers.flatMap(runsPicture)
  return page(
    `${word} · trace compare`,
    [
      `<h1>${plural(comparison.runs.a, 'run')} of A against ${comparison.runs.b} of B</h1>`,
      `<div class="verdict ${comparison.gates.length === 0 && word === 'PASS' ? '' : word}" role="region" aria-label="Verdict"><strong>${comparison.gates.length === 0 ? 'No gate was set' : word}</strong></div>`,
      `<pre>${escapeHtml(formatComparison(comparison))}</pre>`,
      pictures.length === 0
        ? ''
        : section({
            title: 'Every run',
            note: 'One dot a run; the tick is the median of its side.',
            body:
              legend([
                ['var(--two)', 'A'],
                ['var(--one)', 'B'],
              ]) + `<div class="plot-grid">${pictures.join('')}</div>`,
          }),
    ].join('\n'),
  )
}

function runsPicture({ name, a, b }: ComparedNumber): string[] {
  const points = [
    ...a.map((value) => ({ side: 'A', value })),
    ...b.map((value) => ({ side: 'B', value })),
  ].filter((point): point is { side: string; value: number } => point.value !== null)
  if (points.length < a.length + b.length || points.every(({ value }) => value === 0)) return []
  const unit = name.includes('.') ? 1 / 1_000 : 1
  return [
    figure(
      chart({
        label: `${name} of every run, side A above side B`,
        height: 136,
        x: {
          label: unitOf(name),
          ticks: 5,
          nice: true,
          tickFormat: plainNumber,
        },
        y: { type: 'band', label: null, domain: ['A', 'B'] },
        marks: [
          dot(points, {
            x: ({ value }) => value * unit,
            y: 'side',
            fill: colour,
            fillOpacity: 0.7,
            r: 4,
          }),
          tickX(medians(points), {
            x: ({ value }) => value * unit,
            y: 'side',
            stroke: colour,
            strokeWidth: 2,
          }),
        ],
      }),
      '',
      name,
    ),
  ]
}

function unitOf(name: string): string {
  if (name.includes('.')) return 'ms →'
  return name === 'error_rate' ? 'share →' : 'per second →'
}

function colour({ side }: { side: string }): string {
  return side === 'A' ? 'var(--two)' : 'var(--one)'
}

function medians(points: readonly { side: string; value: number }[]) {
  return ['A', 'B'].map((side) => {
    const values = points
      .filter((point) => point.side === side)
      .map(({ value }) => value)
      .toSorted((x, y) => x - y)
    const middle = (values.length - 1) / 2
    return { side, value: (values[Math.floor(middle)]! + values[Math.ceil(middle)]!) / 2 }
  })
}
