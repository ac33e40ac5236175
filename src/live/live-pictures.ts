/** The pictures of a run under way. Pure. */
import { BAD, ONE, THREE } from '../report/chart-style.ts'
import { areaY, chart, gridY, lineY } from '../report/chart.ts'
import { figure } from '../report/page.ts'
import type { LivePoint } from './terminal.ts'

const TIME_AXIS = { label: 'seconds since the start →' } as const
const seconds = (point: LivePoint) => point.elapsedUs / 1e6

/** @returns HTML; empty before there are two points to join */
export function livePictures(all: readonly LivePoint[]): string {
  // The clock runs already while connections are opened, before the first request is due.
  const points = all.filter(({ elapsedUs }) => elapsedUs >= 0)
  if (points.length < 2) return ''
  const picture = (
    name: string,
    unit: string,
    colour: string,
    value: (point: LivePoint) => number,
  ) =>
    figure(
      chart({
        label: `${name} over the last minutes`,
        height: 150,
        x: TIME_AXIS,
        y: { label: `↑ ${unit}`, zero: true },
        marks: [
          gridY(),
          areaY(points, { x: seconds, y: value, fill: colour, fillOpacity: 0.2 }),
          lineY(points, { x: seconds, y: value, stroke: colour }),
        ],
      }),
      name,
    )
  return [
    picture('Requests in flight', 'requests', ONE, (point) => point.inFlight),
    picture('Answers a second', '1/s', THREE, (point) => point.donePerSec),
    picture('Errors in each second', 'requests', BAD, (point) => point.errors),
    picture('Lag of sends, p99 so far', 'ms', BAD, (point) => point.lagUs / 1_000),
  ].join('')
}
