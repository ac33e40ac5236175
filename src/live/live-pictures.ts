/** The pictures of a run under way. Pure. */
import { BAD, ONE, THREE, TWO } from '../report/chart-style.ts'
import { drawLive, type LivePicture, percentileLines } from './live-chart.ts'
import type { LivePoint } from './live-history.ts'

const PICTURES: readonly LivePicture<LivePoint>[] = [
  {
    name: 'Time to first token, from due, of the last ten seconds',
    unit: 'ms',
    lines: percentileLines(
      (point) => point.ttftP50Us,
      (point) => point.ttftP99Us,
    ),
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

/** @returns HTML; empty before there are two points to join */
export function livePictures(all: readonly LivePoint[]): string {
  // The clock runs already while connections are opened, before the first request is due.
  return drawLive(
    PICTURES,
    all.filter(({ elapsedUs }) => elapsedUs >= 0),
  )
}
