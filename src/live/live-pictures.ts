/** The pictures of a run under way. Pure. */
import { BAD, ONE, THREE, TWO } from '../report/chart-style.ts'
import { areaY, chart, gridY, lineY } from '../report/chart.ts'
import { figure, legend } from '../report/page.ts'
import type { LivePoint } from './live-history.ts'

const TIME_AXIS = { label: 'seconds since the start →' } as const
const seconds = (point: LivePoint) => point.elapsedUs / 1e6

type Line = Readonly<{
  name: string
  unit: string
  lines: readonly Readonly<{
    colour: string
    name?: string
    value: (point: LivePoint) => number | null
  }>[]
}>

const PICTURES: readonly Line[] = [
  {
    name: 'Time to first token, from due, of the last ten seconds',
    unit: 'ms',
    lines: [
      { colour: ONE, name: 'p50', value: ({ ttftP50Us: us }) => (us === null ? null : us / 1_000) },
      { colour: TWO, name: 'p99', value: ({ ttftP99Us: us }) => (us === null ? null : us / 1_000) },
    ],
  },
  {
    name: 'Output tokens a second',
    unit: '1/s',
    lines: [{ colour: THREE, value: (point) => point.outputTokensPerSec }],
  },
  {
    name: 'Requests in flight',
    unit: 'requests',
    lines: [{ colour: ONE, value: (point) => point.inFlight }],
  },
  {
    name: 'Answers a second',
    unit: '1/s',
    lines: [{ colour: THREE, value: (point) => point.donePerSec }],
  },
  {
    name: 'On the server',
    unit: 'requests',
    lines: [
      { colour: ONE, name: 'running', value: (point) => point.running },
      { colour: TWO, name: 'waiting', value: (point) => point.waiting },
    ],
  },
  {
    name: 'KV cache in use',
    unit: '%',
    lines: [{ colour: TWO, value: ({ kvShare: share }) => (share === null ? null : 100 * share) }],
  },
  {
    name: 'Errors in each second',
    unit: 'requests',
    lines: [{ colour: BAD, value: (point) => point.errors }],
  },
  {
    name: 'Lag of sends, p99 so far',
    unit: 'ms',
    lines: [{ colour: BAD, value: (point) => point.lagUs / 1_000 }],
  },
]

/** @returns HTML; empty before there are two points to join; a picture of what nobody knows is left out */
export function livePictures(all: readonly LivePoint[]): string {
  // The clock runs already while connections are opened, before the first request is due.
  const points = all.filter(({ elapsedUs }) => elapsedUs >= 0)
  if (points.length < 2) return ''
  return PICTURES.map((picture) => pictureOf(picture, points)).join('')
}

function pictureOf({ name, unit, lines }: Line, points: readonly LivePoint[]): string {
  const isKnown = points.some((point) => lines.some(({ value }) => value(point) !== null))
  if (!isKnown) return ''
  const drawn = lines.flatMap(({ colour, value }, at) => {
    const y = (point: LivePoint) => value(point) ?? Number.NaN
    return [
      ...(at === 0 ? [areaY(points, { x: seconds, y, fill: colour, fillOpacity: 0.2 })] : []),
      lineY(points, { x: seconds, y, stroke: colour }),
    ]
  })
  const label = `${name} over the last minutes`
  const drawing = figure(
    chart({
      label,
      height: 150,
      x: TIME_AXIS,
      y: { label: `↑ ${unit}`, zero: true },
      marks: [gridY(), ...drawn],
    }),
    name,
  )
  const names = lines.flatMap(({ name: each, colour }) =>
    each === undefined ? [] : [[colour, each] as const],
  )
  // One cell of the grid, with what its colours mean.
  return names.length === 0 ? drawing : `<div>${drawing}${legend(names)}</div>`
}
