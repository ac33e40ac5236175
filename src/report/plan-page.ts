/** A plan as one page: the load before and after, side by side. Pure. */
import { largestOf } from '../stats/moments.ts'
import type { LoadPoint } from '../workload/load-series.ts'
import type { PlanAccount } from '../workload/plan-account.ts'
import { formatPlan } from '../workload/plan-text.ts'
import { ONE, plainNumber, TWO } from './chart-style.ts'
import { areaY, chart, gridY, lineY, ruleX } from './chart.ts'
import { escapeHtml, figure, legend, page, section } from './page.ts'

type Value = Exclude<keyof LoadPoint, 'atSec'>

export function planPage(account: PlanAccount, title: string): string {
  const { plan } = account
  const pictures: readonly (readonly [Value, string, string])[] = [
    ['perSec', 'Rate', 'requests per second'],
    ['promptTokens', 'Prompts', 'mean prompt tokens'],
    ['outputTokens', 'Answers', 'mean tokens asked for'],
  ]
  return page(
    `${title} · trace plan`,
    [
      `<h1>${escapeHtml(title)}</h1>`,
      `<p class="note">schedule (SHA-256) ${escapeHtml(plan.sha256)}</p>`,
      `<pre>${escapeHtml(formatPlan(account))}</pre>`,
      ...pictures.map(([value, name, unit]) =>
        section({ title: name, body: beforeAndAfter(account, value, unit) }),
      ),
    ].join('\n'),
  )
}

function beforeAndAfter({ plan, series }: PlanAccount, value: Value, unit: string): string {
  if (series === null) return ''
  const lastSec = Math.max(
    ...[series.before, series.after].map((points) => closed(points).at(-1)?.atSec ?? 0),
  )
  // One scale for both, so that what grows is seen to grow.
  const most = largestOf([...series.before, ...series.after].map((point) => point[value] || 0))
  const picture = (found: readonly LoadPoint[], colour: string, marks: readonly number[]) => {
    const points = closed(found)
    return chart({
      label: `${unit} over time`,
      height: 180,
      x: { label: 'seconds →', domain: [0, lastSec], tickFormat: plainNumber },
      y: { label: `↑ ${unit}`, domain: [0, most], tickFormat: plainNumber },
      marks: [
        gridY(),
        areaY(points, {
          x: 'atSec',
          y: value,
          fill: colour,
          fillOpacity: 0.25,
          curve: 'step-after',
        }),
        lineY(points, { x: 'atSec', y: value, stroke: colour, curve: 'step-after' }),
        ruleX([...marks], { stroke: colour, strokeDasharray: '3 3' }),
      ],
    })
  }
  const eventSecs = plan.events.map(({ atUs }) => atUs / 1e6)
  return (
    legend([
      [ONE, 'in the trace'],
      [TWO, 'in the plan'],
    ]) +
    figure(picture(series.before, ONE, []), 'What the window of the trace holds.') +
    figure(
      picture(series.after, TWO, eventSecs),
      'What will be sent; dashed lines are where injected changes begin.',
    )
  )
}

/** The last stretch is as wide as the one before it. */
function closed(points: readonly LoadPoint[]): readonly LoadPoint[] {
  const [previous, last] = points.slice(-2)
  if (previous === undefined || last === undefined) return points
  return [...points, { ...last, atSec: 2 * last.atSec - previous.atSec }]
}
