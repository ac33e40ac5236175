/** An inspection as one page with pictures. Pure. */
import { formatCount, formatDuration, formatShare, significant, plural } from '../base/format.ts'
import { ONE, plainNumber, THREE, TWO } from './chart-style.ts'
import { areaY, barX, barY, chart, dot, gridX, gridY, lineY, rect, rectY, ruleY } from './chart.ts'
import { formatInspection, WINDOW_WORDS } from './inspection-text.ts'
import type { Inspection } from './inspection.ts'
import { escapeHtml, figure, page, type Section, section, table } from './page.ts'

export function inspectionPage(inspection: Inspection, title: string): string {
  const { arrivals } = inspection
  return page(
    `${title} · trace inspect`,
    [
      `<h1>${escapeHtml(title)}</h1>`,
      `<p class="note">${plural(arrivals.n, 'request')} · rows (SHA-256) ${escapeHtml(inspection.row_digest ?? 'not written yet')}</p>`,
      `<pre>${escapeHtml(formatInspection(inspection))}</pre>`,
      ...inspectionSections(inspection).map(section),
    ].join('\n'),
  )
}

/** The pictures, as far as the trace has something to draw. */
export function inspectionSections(inspection: Inspection): Section[] {
  return [
    rateSection(inspection),
    idcSection(inspection),
    lengthSection(inspection),
    prefixSection(inspection),
    sessionSection(inspection),
    sharesSection(inspection),
  ].filter((found) => found !== null)
}

function rateSection({ series }: Inspection): Section | null {
  const last = series.rate.at(-1)
  if (series.rate.length < 2 || !last) return null
  const closed = [...series.rate, { ...last, t_s: last.t_s + series.bucket_s }]
  const byHour =
    series.by_hour === null
      ? ''
      : figure(
          chart({
            label: 'Requests by hour of the day, counted from the first request',
            height: 160,
            x: { label: 'hours since the first request, modulo a day', type: 'band' },
            y: { label: '↑ requests', zero: true },
            marks: [
              gridY(),
              barY(
                series.by_hour.map((count, hour) => ({ hour, count })),
                { x: 'hour', y: 'count', fill: ONE },
              ),
            ],
          }),
          'Days laid over each other.',
        )
  return {
    title: 'Rate over time',
    body:
      figure(
        chart({
          label: 'Requests per second over time',
          x: { label: 'seconds →', tickFormat: plainNumber },
          y: { label: '↑ requests/s', zero: true },
          marks: [
            gridY(),
            areaY(closed, {
              x: 't_s',
              y: 'per_s',
              fill: ONE,
              fillOpacity: 0.25,
              curve: 'step-after',
            }),
            lineY(closed, { x: 't_s', y: 'per_s', stroke: ONE, curve: 'step-after' }),
          ],
        }),
        `Stretches of ${formatDuration(series.bucket_s * 1e6)}.`,
      ) + byHour,
  }
}

function idcSection({ series }: Inspection): Section | null {
  if (series.idc.length < 2) return null
  return {
    title: 'Burstiness',
    body:
      figure(
        chart({
          label: 'Index of dispersion for counts against window length, both axes logarithmic',
          x: { type: 'log', label: 'window, s →' },
          y: { type: 'log', label: '↑ IDC' },
          marks: [
            gridY(),
            ruleY([1], { stroke: 'currentColor', strokeDasharray: '3,3' }),
            lineY(series.idc, { x: 'window_s', y: 'idc', stroke: TWO }),
            dot(series.idc, { x: 'window_s', y: 'idc', fill: TWO, r: 3 }),
          ],
        }),
        'Variance over mean of the counts. 1 (dashed) is a Poisson process; a curve that goes on rising is a rate that moves.',
      ) +
      (series.gaps.length === 0
        ? ''
        : figure(
            chart({
              label: 'Gaps between arrivals, logarithmic axis',
              height: 180,
              x: { type: 'log', label: 'gap, s →' },
              y: { label: '↑ gaps', zero: true },
              marks: [
                gridY(),
                rectY(series.gaps, {
                  x1: 'from_s',
                  x2: 'to_s',
                  y: 'count',
                  fill: ONE,
                  insetLeft: 0.5,
                }),
              ],
            }),
            'Gaps of zero are left out here.',
          )),
  }
}

function lengthSection({ series, input, output }: Inspection): Section | null {
  if (series.joint.length < 2 || !input || !output) return null
  return {
    title: 'Lengths',
    note: `Prompt p50 ${formatCount(input.p50)}, p99 ${formatCount(input.p99)} · output p50 ${formatCount(output.p50)}, p99 ${formatCount(output.p99)} tokens.`,
    body: figure(
      chart({
        label: 'Requests by prompt length and output length, both axes logarithmic; denser is more',
        height: 340,
        x: { type: 'log', label: 'prompt tokens →' },
        y: { type: 'log', label: '↑ output tokens' },
        marks: [
          gridX(),
          gridY(),
          rect(series.joint, {
            x1: 'x1',
            x2: 'x2',
            y1: 'y1',
            y2: 'y2',
            fill: ONE,
            fillOpacity: (bin: { count: number }) => opacityOf(bin.count, series.joint),
          }),
        ],
      }),
      'The darker a cell, the more requests, on a logarithmic scale.',
    ),
  }
}

function opacityOf(count: number, bins: readonly { count: number }[]): number {
  const most = bins.reduce((largest, bin) => Math.max(largest, bin.count), 1)
  return 0.12 + (0.88 * Math.log(count + 1)) / Math.log(most + 1)
}

function prefixSection({ prefix, cache }: Inspection): Section | null {
  if (prefix === null) return null
  const rows = [
    ['prompt tokens seen before, infinite cache', formatShare(prefix.token_prefix_hit_ratio)],
    ['blocks seen before', formatShare(prefix.block_prefix_hit_ratio)],
    ['distinct blocks', formatCount(prefix.unique_blocks)],
    ['blocks used once', formatShare(prefix.blocks_used_once_frac)],
    ['requests with any hit', formatShare(prefix.requests_with_hit_frac)],
    ['share of reuse on a tenth of the blocks', formatShare(prefix.top10pct_blocks_share_of_reuse)],
    ...(prefix.reuse_gap_s
      ? [
          ['used again after, p50', formatDuration(prefix.reuse_gap_s.p50 * 1e6)],
          ['used again after, p99', formatDuration(prefix.reuse_gap_s.p99 * 1e6)],
        ]
      : []),
  ]
  const sizes = (cache?.sizes ?? []).map(({ capacity_tokens: tokens, token_hit_rate: rate }) => ({
    size: tokens === null ? 'infinite' : formatCount(tokens),
    rate,
  }))
  const picture =
    sizes.length < 2
      ? ''
      : figure(
          chart({
            label: 'Share of prompt tokens served by a prefix cache, by its size',
            height: 74 + 28 * sizes.length,
            marginLeft: 110,
            x: { label: 'prompt tokens from the cache →', domain: [0, 1], tickFormat: '%' },
            y: { type: 'band', label: null, domain: sizes.map(({ size }) => size) },
            marks: [gridX(), barX(sizes, { x: 'rate', y: 'size', fill: THREE })],
          }),
          `Cache sizes in tokens, ${cache?.rule ?? ''} rule, ${WINDOW_WORDS[cache?.window ?? 'all']}, the cache begins empty.`,
        )
  return { title: 'Prefix reuse', body: table('Prefix reuse', ['what', 'value'], rows) + picture }
}

function sessionSection({ sessions }: Inspection): Section | null {
  if (sessions === null) return null
  const { turns, intra_session_gap_s: gap } = sessions
  const rows = [['turns', ...spread(turns, (value) => significant(value, 3))]]
  if (gap) rows.push(['from turn to turn', ...spread(gap, (value) => formatDuration(value * 1e6))])
  return {
    title: 'Sessions',
    body: table('Sessions', ['what', 'mean', 'p50', 'p95', 'p99', 'largest'], rows),
    note: `${formatCount(sessions.sessions)} sessions, ${formatShare(sessions.single_turn_frac, 0)} of them with one turn.`,
  }
}

type Spread = Readonly<Record<'mean' | 'p50' | 'p95' | 'p99' | 'max', number>>

function spread({ mean, p50, p95, p99, max }: Spread, text: (value: number) => string): string[] {
  return [mean, p50, p95, p99, max].map(text)
}

function sharesSection(inspection: Inspection): Section | null {
  const total = Math.max(1, inspection.arrivals.n)
  const rows = (
    [
      ['outcome', inspection.outcomes],
      ['model', inspection.models],
      ['route', inspection.endpoints],
      ['counted by', inspection.token_sources],
      ['finished by', inspection.finish_reasons],
    ] as const
  ).flatMap(([name, counts]) =>
    Object.entries(counts)
      .slice(0, 12)
      .map(([value, count]) => [
        `${name}: ${value}`,
        formatCount(count),
        formatShare(count / total),
      ]),
  )
  return rows.length === 0
    ? null
    : { title: 'Shares', body: table('Shares', ['rows with', 'requests', 'share'], rows) }
}
