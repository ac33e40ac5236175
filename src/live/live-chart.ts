/** Lines over the last minutes, of anything that is counted once a second. Pure. */
import { areaY, chart, gridY, lineY } from '../report/chart.ts'
import { ONE, TWO } from '../report/chart-style.ts'
import { figure, legend } from '../report/page.ts'

const TIME_AXIS = { label: 'seconds since the start →' } as const

export type LivePicture<Point> = Readonly<{
  name: string
  unit: string
  lines: readonly Readonly<{
    colour: string
    name?: string
    value: (point: Point) => number | null
  }>[]
}>

/** Median and 99th percentile of a latency, drawn in ms. */
export function percentileLines<Point>(
  p50Us: (point: Point) => number | null,
  p99Us: (point: Point) => number | null,
): LivePicture<Point>['lines'] {
  const inMs = (latencyUs: typeof p50Us) => (point: Point) => {
    const us = latencyUs(point)
    return us === null ? null : us / 1_000
  }
  return [
    { colour: ONE, name: 'p50', value: inMs(p50Us) },
    { colour: TWO, name: 'p99', value: inMs(p99Us) },
  ]
}

type Timed = Readonly<{ elapsedUs: number }>

/** @returns HTML; empty before there are two points to join; a picture of what nobody knows is left out */
export function drawLive<Point extends Timed>(
  pictures: readonly LivePicture<Point>[],
  points: readonly Point[],
): string {
  if (points.length < 2) return ''
  return pictures.map((picture) => drawOne(picture, points)).join('')
}

function drawOne<Point extends Timed>(
  { name, unit, lines }: LivePicture<Point>,
  points: readonly Point[],
): string {
  const isKnown = points.some((point) => lines.some(({ value }) => value(point) !== null))
  if (!isKnown) return ''
  const x = (point: Point) => point.elapsedUs / 1e6
  const drawn = lines.flatMap(({ colour, value }, at) => {
    const y = (point: Point) => value(point) ?? Number.NaN
    return [
      ...(at === 0
        ? [areaY([...points], { x, y1: 0, y2: y, fill: colour, fillOpacity: 0.2 })]
        : []),
      lineY([...points], { x, y, stroke: colour }),
    ]
  })
  const drawing = figure(
    chart({
      label: `${name} over the last minutes`,
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
