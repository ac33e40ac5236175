/** Reports and comparisons as Markdown, for a pull request or a job's summary. Pure. */
import { formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import { formatComparison } from './comparison-text.ts'
import type { Comparison } from './comparison.ts'
import { METRIC_LABELS } from './metric-label.ts'
import type { Percentile } from './metric.ts'
import type { Report } from './report.ts'
import { type MetricName, okShare } from './side.ts'
import { objectiveText } from './slo-text.ts'

const QUANTILES = ['p50', 'p90', 'p95', 'p99'] as const

export function reportMarkdown(report: Report): string {
  const { verdict, side, slo, changes } = report
  const bad = verdict.checks.filter(({ status }) => status === 'fail' || status === 'warn')
  const lines = [
    `### ${verdict.status}: ${plural(side.requests.total, 'request')}, ${formatShare(okShare(side.requests))} ok`,
    '',
    ...bad.map(({ name, says }) => `- **${escapeMarkdown(name)}**: ${escapeMarkdown(says)}`),
    ...(bad.length > 0 ? [''] : []),
    ...(slo?.objectives ?? []).map((result) => `- ${escapeMarkdown(objectiveText(result))}`),
    ...(slo ? [''] : []),
    `| latency | samples | ${QUANTILES.join(' | ')} |`,
    `|---|--:|${QUANTILES.map(() => '--:').join('|')}|`,
    ...Object.entries(side.metrics).flatMap(([name, metric]) =>
      metric === null
        ? []
        : [
            `| ${METRIC_LABELS[name as MetricName]} | ${formatCount(metric.n)} | ${QUANTILES.map((each) => cell(metric[each])).join(' | ')} |`,
          ],
    ),
    '',
  ]
  const isCalibrated = changes.some(({ calibrated }) => calibrated !== null)
  if (changes.length > 0) {
    lines.push(
      `| ${isCalibrated ? 'change, within this run, place taken out' : 'observed change, within this run'} | | 95 % |`,
      '|---|--:|--:|',
      ...changes.map(({ metric, quantile, calibrated, ...observed }) => {
        const { change, low, high } = calibrated ?? observed
        return `| ${METRIC_LABELS[metric]} ${quantile} | ${percent(change)} | ${percent(low)} … ${percent(high)} |`
      }),
      '',
    )
  }
  if (report.why.length > 0) lines.push(`why: ${escapeMarkdown(report.why.join(' · '))}`, '')
  lines.push(
    `<sub>plan ${report.run.plan_sha256?.slice(0, 16) ?? 'none'} · rows ${report.run.row_digest?.slice(0, 16) ?? 'none'} · seed ${escapeMarkdown(report.run.seed ?? 'none')}</sub>`,
    '',
  )
  return lines.join('\n')
}

export function comparisonMarkdown(comparison: Comparison): string {
  const word = { 0: 'PASS', 97: 'INCONCLUSIVE', 98: 'INVALID', 99: 'REGRESSION' }[
    comparison.exit_code
  ]
  return `### ${word ?? 'compared'}\n\n\`\`\`\n${formatComparison(comparison)}\`\`\`\n`
}

function cell(found: Percentile | null): string {
  if (!found) return '–'
  const range =
    found.low === null || found.high === null
      ? '±?'
      : `(${formatDuration(found.low)} … ${formatDuration(found.high)})`
  return `${formatDuration(found.value)} ${range}`
}

function percent(change: number): string {
  return `${change < 0 ? '−' : '+'}${Math.abs(change * 100).toFixed(1)} %`
}

function escapeMarkdown(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[|`*_[\]\\]/g, (letter) => `\\${letter}`)
}
