/** A report as one page: verdict and decision, the numbers, the pictures, what it was made from. Pure. */
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import { METRIC_LABELS } from './metric-label.ts'
import { madeFromSection } from './made-from.ts'
import type { Percentile, PercentileName } from './metric.ts'
import { escapeHtml, page, section, table } from './page.ts'
import { pictures } from './report-pictures.ts'
import type { Report } from './report.ts'
import { type MetricName, okShare } from './side.ts'
import { objectiveText } from './slo-text.ts'

const ALWAYS = ['p50', 'p90', 'p95', 'p99'] as const

export function reportPage(report: Report, command: string | null = null): string {
  const body = [
    `<h1>${report.run.kind === 'replayed' ? 'Replay' : 'Run'} of ${formatCount(report.side.requests.total)} requests<small>${subtitle(report)}</small></h1>`,
    verdictBox(report),
    decisionBox(report),
    cards(report),
    changeSection(report),
    latencySection(report),
    profileSection(report),
    ...pictures(report).map(section),
    slowestSection(report),
    checksSection(report),
    madeFromSection(report, command),
  ]
  return page(`${report.verdict.status} · trace report`, body.filter(Boolean).join('\n'))
}

/** What a reader has to know before any number: of which server, how much, changed how. */
function subtitle({ run, side }: Report): string {
  const { software, version } = run.server
  const { offered_per_s: offered, window_s: windowS } = side.throughput
  const steps = run.transforms.map(({ name }) => name).filter((name) => name !== 'window')
  const parts = [
    [software, version].filter(Boolean).join(' '),
    offered === null ? '' : `${significant(offered, 3)} requests/s`,
    `over ${formatDuration(windowS * 1e6)}`,
    steps.join(', '),
  ]
  return escapeHtml(parts.filter(Boolean).join(' · '))
}

function verdictBox({ verdict, notes, why }: Report): string {
  const bad = verdict.checks.filter(({ status }) => status === 'fail' || status === 'warn')
  const good = verdict.checks.filter(({ status }) => status === 'pass').length
  const blind = verdict.checks.filter(({ status }) => status === 'unmeasured').length
  const passed = `${formatCount(good)} checks passed${blind === 0 ? '' : `, ${formatCount(blind)} had nothing to measure`}.`
  const items = bad.map(({ says }) => `<li>${escapeHtml(says)}</li>`)
  return `<div class="verdict ${verdict.status}" role="region" aria-label="Verdict"><strong>${verdict.status}</strong>
<p>${bad.length === 0 ? passed : `${bad.length} of ${bad.length + good} checks ${bad.length === 1 ? 'objects' : 'object'}:`}</p>
${items.length === 0 ? '' : `<ul>${items.join('')}</ul>`}
${notes.map((note) => `<p><b>Note:</b> ${escapeHtml(note)}</p>`).join('')}
${why.length === 0 ? '' : `<p><b>Why:</b> ${escapeHtml(why.join(' · '))}</p>`}</div>`
}

function decisionBox({ slo }: Report): string {
  if (slo === null) return ''
  const missed = slo.objectives.some(({ met }) => met === false)
  const open = slo.objectives.some(({ met }) => met === null)
  const word = missed ? 'MISSED' : open ? 'INCONCLUSIVE' : 'PASS'
  const items = slo.objectives.map((result) => `<li>${escapeHtml(objectiveText(result))}</li>`)
  const budgets = slo.budgets.map(
    ({ objective, used, burn_rate: burn }) =>
      `<li>${escapeHtml(objective)}: ${formatShare(used, 0)} of the error budget used, burning ${significant(burn, 2)}x</li>`,
  )
  return `<div class="verdict ${word}" role="region" aria-label="Objectives"><strong>Objectives: ${word.toLowerCase()}</strong><ul>${[...items, ...budgets].join('')}</ul></div>`
}

function cards({ side, slo }: Report): string {
  const { requests, throughput, metrics } = side
  const entries: [string, string][] = [
    [formatShare(okShare(requests)), 'answered whole'],
    [ofPercentile(metrics.ttft_due?.p50), 'TTFT p50, from due'],
    [
      ofPercentile(metrics.ttft_due?.p99 ?? metrics.ttft_due?.p95),
      metrics.ttft_due?.p99 ? 'TTFT p99, from due' : 'TTFT p95, from due',
    ],
    [ofPercentile(metrics.itl?.p50), 'between tokens, p50'],
    [
      throughput.completed_per_s === null ? '–' : `${significant(throughput.completed_per_s, 3)}/s`,
      'completed',
    ],
    [
      throughput.output_tokens_per_s === null
        ? '–'
        : `${significant(throughput.output_tokens_per_s, 3)}/s`,
      'output tokens',
    ],
    ...(slo?.goodput === null || slo === null
      ? []
      : [[formatShare(slo.goodput), 'goodput'] as [string, string]]),
  ]
  return `<div class="cards">${entries.map(([value, name]) => `<div><b>${escapeHtml(value)}</b><span>${escapeHtml(name)}</span></div>`).join('')}</div>`
}

function ofPercentile(found: Percentile | null | undefined): string {
  return found ? formatDuration(found.value) : '–'
}

function changeSection({ changes, recorded, side }: Report): string {
  if (recorded === null || changes.length === 0) return ''
  const rows = changes.map(({ metric, quantile, change, low, high, pairs }) => [
    `${METRIC_LABELS[metric]} ${quantile}`,
    ofPercentile(recorded.side.metrics[metric]?.[quantile]),
    ofPercentile(side.metrics[metric]?.[quantile]),
    signed(change),
    `${signed(low)} … ${signed(high)}`,
    formatCount(pairs),
  ])
  return section({
    title: 'What changed',
    note: 'Observed, within this run: requests that have the latency on both sides, resampled together in blocks. Another run may differ by more.',
    body: table(
      'What changed',
      ['latency', recorded.run.kind, 'this run', 'change', '95 % interval', 'pairs'],
      rows,
    ),
  })
}

function signed(change: number): string {
  return `${change < 0 ? '−' : '+'}${significant(Math.abs(change * 100), 3)} %`
}

function latencySection({ side, run }: Report): string {
  const known = Object.entries(side.metrics).flatMap(([name, metric]) =>
    // A recording is never late: it says itself when a request was due.
    metric === null || (name === 'lag' && run.kind !== 'replayed')
      ? []
      : [{ label: METRIC_LABELS[name as MetricName], metric }],
  )
  const shown: PercentileName[] = known.some(({ metric }) => metric['p99.9'])
    ? [...ALWAYS, 'p99.9']
    : [...ALWAYS]
  return section({
    title: 'Latencies',
    note: 'With half the width of their 95 % intervals. – : too few samples to bound it. No ± : neighbouring requests are too alike to say how sure it is.',
    body: table(
      'Latencies',
      ['latency', 'samples', 'mean', ...shown],
      known.map(({ label, metric }) => [
        label,
        formatCount(metric.n),
        formatDuration(metric.mean),
        ...shown.map((name) => percentileText(metric[name])),
      ]),
    ),
  })
}

function percentileText(found: Percentile | null): string {
  if (!found) return '–'
  if (found.low === null || found.high === null) return formatDuration(found.value)
  const half = (100 * (found.high - found.low)) / 2 / Math.max(1, found.value)
  return `${formatDuration(found.value)} ±${significant(half, 2)} %`
}

function profileSection({ profile }: Report): string {
  if (profile === null) return ''
  const rows = Object.entries(profile.metrics).map(
    ([name, { mean, p50, p90, p95, p99, formula }]) => [
      name,
      ...[mean, p50, p90, p95, p99].map((ms) => significant(ms, 4)),
      formula,
    ],
  )
  return section({
    title: `As ${profile.profile} counts`,
    note: `The same requests by its formulas, ms: ${formatCount(profile.completed)} answers in ${significant(profile.duration_s, 4)} s.`,
    body: table('By its formulas', ['metric', 'mean', 'p50', 'p90', 'p95', 'p99', 'formula'], rows),
  })
}

function slowestSection({ series }: Report): string {
  if (series.slowest.length === 0) return ''
  const rows = series.slowest.map((row) => [
    String(row.seq),
    row.source_seq === null ? '–' : String(row.source_seq),
    formatDuration(row.due_s * 1e6),
    row.prompt === null ? '–' : formatCount(row.prompt),
    row.output === null ? '–' : formatCount(row.output),
    formatDuration(row.lag_us),
    row.ttft_us === null ? '–' : formatDuration(row.ttft_us),
    formatDuration(row.e2e_us),
  ])
  return section({
    title: 'Slowest requests',
    body: table(
      'Slowest requests',
      ['row', 'source row', 'due at', 'prompt', 'output', 'lag', 'first token', 'end'],
      rows,
    ),
  })
}

const WORDS = { pass: 'passed', warn: 'warns', fail: 'FAILED' } as const

function checkName({ name }: Readonly<{ name: string }>): string {
  return name.replaceAll('_', ' ')
}

function checksSection({ verdict }: Report): string {
  const order = ['fail', 'warn', 'pass']
  const worstFirst = verdict.checks.toSorted(
    (a, b) => order.indexOf(a.status) - order.indexOf(b.status),
  )
  const rows = worstFirst.flatMap((check) =>
    check.status === 'unmeasured' ? [] : [[checkName(check), WORDS[check.status], check.says]],
  )
  const blind = verdict.checks.filter(({ status }) => status === 'unmeasured')
  return section({
    title: 'Checks of this measurement',
    body:
      table('Checks', ['check', 'result', 'found'], rows) +
      (blind.length === 0
        ? ''
        : `<p class="note">Nothing to measure: ${escapeHtml(blind.map(checkName).join(', '))}.</p>`),
  })
}
