/** The pictures of a report. Pure. */
import { ONE, SOFT, TWO } from './chart-style.ts'
import { areaY, chart, dot, gridY, line, type Mark, ruleY } from './chart.ts'
import { lagSection, loadSection, overTimeSection, serverSection } from './clock-pictures.ts'
import { figure, legend, type Section } from './page.ts'
import type { Report } from './report.ts'
import type { Ecdf, ReportSeries } from './series.ts'

export function pictures(report: Report): Section[] {
  const { series } = report
  return [
    distributionSection(report),
    overTimeSection(series),
    loadSection(series),
    lengthSection(series),
    serverSection(series),
    lagSection(series),
  ].filter((found) => found !== null)
}

function distributionSection({
  series,
  recorded_series: before,
  run,
  recorded,
}: Report): Section | null {
  const shown = (
    [
      ['ttftDue', 'Time to first token, from due'],
      ['tpot', 'Time per output token'],
      ['e2eDue', 'End to end, from due'],
    ] as const
  ).flatMap(([name, caption]) => {
    const own = series.ecdf[name]
    if (!own) return []
    const other = before?.ecdf[name]
    const both = other ? [other, own] : [own]
    const low = Math.min(...both.map(axisStart))
    const isCut = both.some(({ x }) => x[0]! < low)
    const domain = [low, Math.max(...both.map(({ x }) => x.at(-1)!))].map((us) => us / 1_000)
    const marks = [...(other ? ecdfMarks(other, TWO, low) : []), ...ecdfMarks(own, ONE, low)]
    return [
      figure(
        chart({
          label: `${caption}: share of requests at or below a latency, logarithmic axis`,
          x: { type: 'log', label: 'ms →', ...(isCut ? { domain } : {}) },
          y: { label: '↑ share of requests', domain: [0, 1], tickFormat: '%' },
          marks: [
            gridY(),
            ruleY([0.5, 0.95, 0.99], { stroke: 'var(--line)', strokeDasharray: '3,3' }),
            ...marks,
          ],
        }),
        isCut ? 'What is faster than the axis begins stands at its edge.' : '',
        caption,
      ),
    ]
  })
  if (shown.length === 0) return null
  const names = legend([
    [ONE, `this run (${run.kind})`],
    ...(recorded ? ([[TWO, `against (${recorded.run.kind})`]] as const) : []),
  ])
  return {
    title: 'Distributions',
    note: 'Bands: 95 %, for independent requests. Dashed: p50, p95, p99.',
    body: names + shown.join(''),
  }
}

const EDGE_SHARE = 0.05
const EDGE_FACTOR = 4

/**
 * µs where a logarithmic axis begins: a few answers at or near 0, such as those whose tokens came
 * together, must not squeeze the curve of all others into a corner.
 */
export function axisStart({ x, share }: Pick<Ecdf, 'x' | 'share'>): number {
  const first = x.findIndex((us) => us >= 1)
  if (first === -1) return 1
  const edge = share[first]! + EDGE_SHARE * (1 - share[first]!)
  const usual = x[share.findIndex((each) => each >= edge)] ?? x[first]!
  return Math.max(x[first]!, usual / EDGE_FACTOR)
}

function ecdfMarks({ x, share, band }: Ecdf, colour: string, lowUs: number): Mark[] {
  const points = x.map((us, index) => ({ ms: Math.max(us, lowUs) / 1_000, share: share[index]! }))
  return [
    areaY(points, {
      x: 'ms',
      y1: (point: { share: number }) => Math.max(0, point.share - band),
      y2: (point: { share: number }) => Math.min(1, point.share + band),
      fill: colour,
      fillOpacity: 0.15,
      curve: 'step-after',
    }),
    line(points, { x: 'ms', y: 'share', stroke: colour, strokeWidth: 1.8, curve: 'step-after' }),
  ]
}

function lengthSection({ by_length: bins, points }: ReportSeries): Section | null {
  const known = points.filter((point) => point.prompt !== null && point.prompt > 0)
  // Prompts of one length have nothing to be held against.
  const isVaried = known.some(({ prompt }) => prompt !== known[0]!.prompt)
  if (known.length < 10 || !isVaried) return null
  const lines = bins.length < 3 ? [] : bins
  return {
    title: 'Against prompt length',
    body:
      legend([
        [ONE, 'TTFT p50'],
        [TWO, 'TTFT p95'],
        [SOFT, 'one request'],
      ]) +
      figure(
        chart({
          label: 'Time to first token against prompt length, both axes logarithmic',
          x: { type: 'log', label: 'prompt tokens →' },
          y: { type: 'log', label: '↑ TTFT, ms' },
          marks: [
            gridY(),
            dot(known, {
              x: 'prompt',
              y: (point) => Math.max(1, point.ttft_us) / 1_000,
              fill: SOFT,
              fillOpacity: 0.4,
              r: 1.6,
            }),
            line(lines, {
              x: (bin) => Math.max(1, bin.prompt),
              y: (bin) => Math.max(1, bin.p95) / 1_000,
              stroke: TWO,
            }),
            line(lines, {
              x: (bin) => Math.max(1, bin.prompt),
              y: (bin) => Math.max(1, bin.p50) / 1_000,
              stroke: ONE,
              strokeWidth: 1.8,
            }),
          ],
        }),
        'Lines: requests in groups of equal size, at least twenty each, from the shortest prompts to the longest.',
      ),
  }
}
