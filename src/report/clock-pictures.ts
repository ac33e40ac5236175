/** Pictures along the run's clock: latency, tokens, load, server, our own lateness. Pure. */
import { largestOf } from '../stats/moments.ts'
import { formatDuration } from '../base/format.ts'
import { areaY, chart, dot, gridY, lineY, type Mark, rectY, ruleX, text } from './chart.ts'
import { BAD, ONE, SOFT, THREE, TWO, wholeNumber } from './chart-style.ts'
import { figure, legend, type Section } from './page.ts'
import type { ReportSeries } from './series.ts'

function eventMarks({ events }: ReportSeries): Mark[] {
  return events.length === 0
    ? []
    : [
        ruleX(events, { x: 't_s', stroke: SOFT, strokeDasharray: '2,3' }),
        text(events, {
          x: 't_s',
          text: 'kind',
          frameAnchor: 'top',
          dy: -4,
          fontSize: 10,
          fill: SOFT,
        }),
      ]
}

/** The same for all pictures, so that what stands below each other happened together. */
function timeAxis({ flow, time, server, bucket_s: bucketS }: ReportSeries) {
  const ends = [flow.at(-1)?.t_s, server.at(-1)?.t_s, (time.at(-1)?.t_s ?? 0) + bucketS]
  const domain = [Math.min(0, server[0]?.t_s ?? 0), Math.max(...ends.map((end) => end ?? 0))]
  return { label: 'seconds since the start →', domain }
}

export function overTimeSection(series: ReportSeries): Section | null {
  if (series.flow.length === 0) return null
  const ttft =
    series.points.length < 2
      ? ''
      : figure(
          chart({
            label:
              'Time to first token over time: requests as dots, median and 95th percentile of each stretch',
            x: timeAxis(series),
            y: { type: 'log', label: '↑ TTFT, ms' },
            marks: [
              gridY(),
              ...eventMarks(series),
              dot(series.points, {
                x: 't_s',
                y: (point) => milliseconds(point.ttft_us),
                fill: SOFT,
                fillOpacity: 0.4,
                r: 1.6,
              }),
              lineY(series.time, {
                x: (point) => middleOf(point, series),
                y: (point) => milliseconds(point.ttft_p95_us),
                stroke: TWO,
                strokeWidth: 1.4,
              }),
              lineY(series.time, {
                x: (point) => middleOf(point, series),
                y: (point) => milliseconds(point.ttft_p50_us),
                stroke: ONE,
                strokeWidth: 1.8,
              }),
            ],
          }),
          `By the time at which requests were due; lines: stretches of ${formatDuration(series.bucket_s * 1e6)}.`,
        )
  const flow = figure(
    chart({
      label: 'Output tokens per second over time',
      x: timeAxis(series),
      y: { label: '↑ output tokens/s', zero: true },
      marks: [
        gridY(),
        ...eventMarks(series),
        areaY(series.flow, { x: 't_s', y: 'output_tokens_per_s', fill: THREE, fillOpacity: 0.2 }),
        lineY(series.flow, { x: 't_s', y: 'output_tokens_per_s', stroke: THREE, strokeWidth: 1.6 }),
      ],
    }),
    'Each answer’s tokens are spread evenly from its first to its last.',
  )
  const names = legend([
    [ONE, 'TTFT p50'],
    [TWO, 'TTFT p95'],
    [SOFT, 'one request'],
  ])
  return { title: 'Over time', body: names + ttft + flow }
}

function middleOf({ t_s: from }: { t_s: number }, { bucket_s: length }: ReportSeries): number {
  return from + length / 2
}

export function loadSection(series: ReportSeries): Section | null {
  if (series.flow.length === 0) return null
  const per = formatDuration(series.bucket_s * 1e6)
  const load = chart({
    label: 'Requests due in each stretch, and requests in flight at each instant',
    x: timeAxis(series),
    y: { label: '↑ requests', zero: true },
    marks: [
      gridY(),
      ...eventMarks(series),
      rectY(series.time, { ...stretchOf(series), y: 'due', fill: SOFT, fillOpacity: 0.3 }),
      lineY(series.flow, {
        x: 't_s',
        y: 'in_flight',
        stroke: ONE,
        strokeWidth: 1.6,
        curve: 'step-after',
      }),
    ],
  })
  return {
    title: 'Load and errors',
    body:
      legend([
        [SOFT, `due in ${per}`],
        [ONE, 'in flight'],
      ]) +
      figure(load, 'How much was asked, and how much of it was under way.') +
      errorPicture(series),
  }
}

function stretchOf({ bucket_s: length }: ReportSeries) {
  return { x1: 't_s', x2: (point: { t_s: number }) => point.t_s + length, insetRight: 0.5 }
}

function errorPicture(series: ReportSeries): string {
  const most = largestOf(series.time.map(({ failed, hung_up: hungUp }) => failed + hungUp))
  if (!(most > 0)) return ''
  const stretch = stretchOf(series)
  const names = legend([
    [BAD, 'failed'],
    [SOFT, 'hung up'],
  ])
  const picture = chart({
    label: 'Requests that failed or hung up in each stretch',
    height: 140,
    x: timeAxis(series),
    y: { label: '↑ requests', domain: [0, Math.max(4, most)], tickFormat: wholeNumber },
    marks: [
      gridY(),
      rectY(series.time, { ...stretch, y1: 0, y2: 'failed', fill: BAD }),
      rectY(series.time, {
        ...stretch,
        y1: 'failed',
        y2: (point) => point.failed + point.hung_up,
        fill: SOFT,
        fillOpacity: 0.6,
      }),
    ],
  })
  return names + figure(picture, 'In each stretch of the same length as above.')
}

export function serverSection(series: ReportSeries): Section | null {
  const { server } = series
  if (server.length < 3) return null
  return {
    title: 'On the server',
    body:
      legend([
        [ONE, 'running'],
        [TWO, 'waiting'],
        [THREE, 'KV cache used'],
      ]) +
      figure(
        chart({
          label: 'Requests running and waiting on the server',
          x: timeAxis(series),
          y: { label: '↑ requests', zero: true },
          marks: [
            gridY(),
            lineY(server, { x: 't_s', y: 'waiting', stroke: TWO, curve: 'step-after' }),
            lineY(server, { x: 't_s', y: 'running', stroke: ONE, curve: 'step-after' }),
          ],
        }),
        'As the server’s own metrics told, on the run’s clock.',
      ) +
      figure(
        chart({
          label: 'Share of the KV cache in use',
          height: 160,
          x: timeAxis(series),
          y: { label: '↑ KV cache', domain: [0, 1], tickFormat: '%' },
          marks: [
            gridY(),
            areaY(server, {
              x: 't_s',
              y: 'kv',
              fill: THREE,
              fillOpacity: 0.3,
              curve: 'step-after',
            }),
          ],
        }),
        'Full means that requests wait or are pre-empted.',
      ),
  }
}

export function lagSection(series: ReportSeries): Section | null {
  const { time } = series
  const points = time.filter((point) => point.lag_max_us !== null)
  if (points.length < 2 || points.every((point) => point.lag_max_us === 0)) return null
  return {
    title: 'Our own lateness',
    body: figure(
      chart({
        label: 'Largest lateness of a send in each stretch',
        height: 160,
        x: timeAxis(series),
        y: { label: '↑ lag, ms', zero: true },
        marks: [
          gridY(),
          areaY(time, {
            x: 't_s',
            y: (point) => milliseconds(point.lag_max_us),
            fill: BAD,
            fillOpacity: 0.25,
          }),
          lineY(time, {
            x: 't_s',
            y: (point) => milliseconds(point.lag_max_us),
            stroke: BAD,
          }),
        ],
      }),
      'First byte written minus due, the worst send of each stretch.',
    ),
  }
}

/** NaN breaks a line where nothing was measured. */
function milliseconds(us: number | null): number {
  return us === null ? Number.NaN : us / 1_000
}
