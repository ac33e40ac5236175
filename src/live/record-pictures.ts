/** The pictures of a recorder at work. Pure. */
import { BAD, ONE, THREE, TWO } from '../report/chart-style.ts'
import { drawLive, type LivePicture, percentileLines } from './live-chart.ts'

/** What happened in one second. */
export type RecordPoint = Readonly<{
  elapsedUs: number
  requestsPerSec: number
  /** From sent, of the streams that ended in the last ten seconds. */
  ttftP50Us: number | null
  ttftP99Us: number | null
  /** Of answers that ended. */
  outputTokensPerSec: number
  inFlight: number
  connections: number
  hungUpPerSec: number
  failedPerSec: number
  unrecordedPerSec: number
  addedP50Us: number | null
  addedP99Us: number | null
}>

const PICTURES: readonly LivePicture<RecordPoint>[] = [
  {
    name: 'Time to first token, from sent, of the last ten seconds',
    unit: 'ms',
    lines: percentileLines(
      (point) => point.ttftP50Us,
      (point) => point.ttftP99Us,
    ),
  },
  {
    name: 'Output tokens of ended answers, a second',
    unit: '1/s',
    lines: [{ colour: THREE, value: (point) => point.outputTokensPerSec }],
  },
  {
    name: 'Requests a second',
    unit: '1/s',
    lines: [{ colour: THREE, value: (point) => point.requestsPerSec }],
  },
  {
    name: 'In flight',
    unit: 'count',
    lines: [
      { colour: ONE, name: 'requests', value: (point) => point.inFlight },
      { colour: TWO, name: 'connections', value: (point) => point.connections },
    ],
  },
  {
    name: 'Added to a chunk by the relay',
    unit: 'ms',
    lines: percentileLines(
      (point) => point.addedP50Us,
      (point) => point.addedP99Us,
    ),
  },
  {
    name: 'Not as it should be, each second',
    unit: 'requests',
    lines: [
      { colour: BAD, name: 'unrecorded', value: (point) => point.unrecordedPerSec },
      { colour: TWO, name: 'failed', value: (point) => point.failedPerSec },
      { colour: ONE, name: 'hung up', value: (point) => point.hungUpPerSec },
    ],
  },
]

/** @param points one a second, the newest last */
export function recordPictures(points: readonly RecordPoint[]): string {
  return drawLive(PICTURES, points)
}
