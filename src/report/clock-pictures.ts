/** Pictures along the run's clock: latency, tokens, load, server, our own lateness. Pure. */
import { formatDuration } from '../base/format.ts'
import { areaY, barY, chart, gridY, lineY, type Mark, ruleX, text } from './chart.ts'
import { BAD, ONE, plainNumber, SOFT, THREE, TWO } from './chart-style.ts'
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

const TIME_AXIS = { label: 'seconds since the start →' } as const

export function overTimeSection(series: ReportSeries): Section | null {
  const tokens = series.time
  const timed = tokens.filter((point) => point.ttft_p50_us !== null)
  if (tokens.length < 2) return null
  const ttft =
    timed.length < 2
      ? ''
      : figure(
          chart({
            label: 'Time to first token over time, median and 95th percentile of each stretch',
            x: TIME_AXIS,
            y: { type: 'log', label: '↑ TTFT, ms', tickFormat: plainNumber },
            marks: [
              gridY(),
              ...eventMarks(series),
              lineY(tokens, {
                x: 't_s',
                y: (point) => milliseconds(point.ttft_p95_us),
                stroke: TWO,
                strokeWidth: 1.4,
              }),
              lineY(tokens, {
                x: 't_s',
                y: (point) => milliseconds(point.ttft_p50_us),
                stroke: ONE,
                strokeWidth: 1.8,
              }),
            ],
          }),
          `By the time at which requests were due, stretches of ${formatDuration(series.bucket_s * 1e6)}.`,
        )
  const flow = figure(
    chart({
      label: 'Output tokens per second over time',
      x: TIME_AXIS,
      y: { label: '↑ output tokens/s', zero: true },
      marks: [
        gridY(),
        ...eventMarks(series),
        areaY(tokens, { x: 't_s', y: 'output_tokens_per_s', fill: THREE, fillOpacity: 0.2 }),
        lineY(tokens, { x: 't_s', y: 'output_tokens_per_s', stroke: THREE, strokeWidth: 1.6 }),
      ],
    }),
    'Each answer’s tokens are spread evenly from its first to its last.',
  )
  return {
    title: 'Over time',
    body:
      legend([
        [ONE, 'TTFT p50'],
        [TWO, 'TTFT p95'],
      ]) +
      ttft +
      flow,
  }
}

export function loadSection(series: ReportSeries): Section | null {
  if (series.time.length < 2) return null
  const bad = series.time.flatMap(({ t_s, failed, hung_up: hungUp }) => [
    ...(failed > 0 ? [{ t_s, count: failed, kind: 'failed' }] : []),
    ...(hungUp > 0 ? [{ t_s, count: hungUp, kind: 'hung up' }] : []),
  ])
  const load = chart({
    label: 'Requests due in each stretch, and requests in flight',
    x: TIME_AXIS,
    y: { label: '↑ requests', zero: true },
    marks: [
      gridY(),
      ...eventMarks(series),
      areaY(series.time, {
        x: 't_s',
        y: 'due',
        fill: SOFT,
        fillOpacity: 0.25,
        curve: 'step-after',
      }),
      lineY(series.time, {
        x: 't_s',
        y: (point) => point.in_flight ?? Number.NaN,
        stroke: ONE,
        strokeWidth: 1.6,
      }),
    ],
  })
  const errors =
    bad.length === 0
      ? ''
      : figure(
          chart({
            label: 'Requests that failed or hung up, over time',
            height: 160,
            x: { ...TIME_AXIS, type: 'band', tickFormat: plainNumber, ticks: [] },
            y: { label: '↑ requests', zero: true },
            marks: [
              gridY(),
              barY(bad, {
                x: 't_s',
                y: 'count',
                fill: (row: { kind: string }) => (row.kind === 'failed' ? BAD : SOFT),
              }),
            ],
          }),
          'Red: failed. Grey: hung up. Stretches without either are left out.',
        )
  return {
    title: 'Load and errors',
    body:
      legend([
        [SOFT, `due in ${formatDuration(series.bucket_s * 1e6)}`],
        [ONE, 'in flight'],
      ]) +
      figure(load, 'How much was asked, and how much of it was under way.') +
      errors,
  }
}

export function serverSection({ server }: ReportSeries): Section | null {
  if (server.length < 2) return null
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
          x: TIME_AXIS,
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
          x: TIME_AXIS,
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

export function lagSection({ time }: ReportSeries): Section | null {
  const points = time.filter((point) => point.lag_max_us !== null)
  if (points.length < 2 || points.every((point) => point.lag_max_us === 0)) return null
  return {
    title: 'Our own lateness',
    body: figure(
      chart({
        label: 'Largest lateness of a send in each stretch',
        height: 160,
        x: TIME_AXIS,
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
