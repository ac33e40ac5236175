/** A report as a person reads it: the verdict, then the numbers, then the reasons. Pure. */
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import { METRIC_LABELS } from './metric-label.ts'
import type { Metric, Percentile, PercentileName } from './metric.ts'
import type { ChangeRow, Report } from './report.ts'
import { type MetricName, okShare, type Side } from './side.ts'
import { profileLines, sloLines } from './slo-text.ts'
import { joined, labelled, plural } from './words.ts'

const WIDTH = 100

/** At most 100 columns a line. */
export function formatReport(report: Report): string {
  const lines = [
    ...verdictLines(report),
    ...sloLines(report),
    ...requestLines(report),
    ...(report.recorded === null ? [] : comparisonLines(report)),
    '',
    ...metricLines(report.side),
    ...stimulusLines(report),
    ...(report.why.length > 0 ? wrapped('why', report.why) : []),
    ...report.notes.flatMap((note) => wrapped('note', [note])),
    ...profileLines(report),
  ]
  return `${lines.join('\n')}\n`
}

/** Bad news first, then what was found good, then what nobody measured. */
export function verdictLines({ verdict }: Report): string[] {
  const bad = verdict.checks.filter(({ status }) => status === 'fail' || status === 'warn')
  const good = verdict.checks.filter(({ status }) => status === 'pass')
  const shown =
    bad.length > 0
      ? bad
      : good.filter(({ name }) =>
          ['lag', 'tokens', 'server_completed', 'cpu', 'foreign_load', 'errors'].includes(name),
        )
  const lines = wrapped(
    verdict.status,
    shown.map(({ says }) => says),
  )
  if (bad.length > 0) lines.push(labelled('', `${plural(good.length, 'other check')} passed`))
  return lines
}

function requestLines({ side, run }: Report): string[] {
  const { requests, throughput } = side
  return wrapped('requests', [
    `${formatCount(requests.total)} ${run.kind} in ${formatDuration(throughput.window_s * 1e6)}`,
    `${formatShare(okShare(requests))} ok`,
    ...(requests.hung_up > 0 ? [`${formatCount(requests.hung_up)} hung up`] : []),
    ...(requests.failed > 0 ? [`${formatCount(requests.failed)} failed`] : []),
    ...(requests.end_unseen > 0 ? [`${formatCount(requests.end_unseen)} ${unseenWords(run)}`] : []),
    ...(requests.not_sent > 0 ? [`${formatCount(requests.not_sent)} not sent`] : []),
    ...rate(throughput.offered_per_s, 'offered'),
    ...rate(throughput.completed_per_s, 'done'),
    ...rate(throughput.prompt_tokens_per_s, 'prompt tokens'),
    ...rate(throughput.output_tokens_per_s, 'output tokens'),
  ])
}

/** Of a replay only its own end can hide how an answer ended. */
function unseenWords({ kind }: Report['run']): string {
  return kind === 'replayed' ? 'cut by the end of the run' : 'whose end was not seen'
}

function rate(perSecond: number | null, unit: string): string[] {
  return perSecond === null ? [] : [`${significant(perSecond, 3)} ${unit}/s`]
}

const COMPARED = [
  { label: 'TTFT p50', metric: 'ttft_due', quantile: 'p50' },
  { label: 'TTFT p95', metric: 'ttft_due', quantile: 'p95' },
  { label: 'TTFT p99', metric: 'ttft_due', quantile: 'p99' },
  { label: 'inter-token p50', metric: 'itl', quantile: 'p50' },
  { label: 'inter-token p99', metric: 'itl', quantile: 'p99' },
  { label: 'TPOT p50', metric: 'tpot', quantile: 'p50' },
  { label: 'end to end p50', metric: 'e2e_due', quantile: 'p50' },
  { label: 'end to end p99', metric: 'e2e_due', quantile: 'p99' },
] as const

function comparisonLines({ recorded, run, side, changes, stimulus }: Report): string[] {
  if (recorded === null) return []
  const speed = speedOf(run, stimulus)
  const rows = COMPARED.flatMap(({ label, metric, quantile }) => {
    const [before, after] = [recorded.side, side].map((each) => cell(each, metric, quantile))
    if (before === '–' && after === '–') return []
    const change = changes.find((each) => each.metric === metric && each.quantile === quantile)
    return [row(label, before!, after!, change ? changeText(change.calibrated ?? change) : '')]
  })
  const isTimed = COMPARED.some(({ metric }) => recorded.side.metrics[metric] !== null)
  if (rows.length === 0 || !isTimed) return []
  const isCalibrated = changes.some(({ calibrated }) => calibrated !== null)
  return [
    row(
      '',
      `${recorded.run.kind}${recorded.run.kind === 'recorded' ? ' at 1x' : ''}`,
      `${run.kind}${run.kind === 'replayed' ? speed : ''}`,
      `${isCalibrated ? '' : 'observed '}change (within this run${isCalibrated ? ', place taken out' : ''})`,
    ),
    ...rows,
  ]
}

/** As it was asked for; measured where the run does not say. */
function speedOf(run: Report['run'], stimulus: Report['stimulus']): string {
  const step = run.transforms.find(({ name }) => name === 'speed')
  const asked = Object.values(step?.arguments ?? {}).find((value) => typeof value === 'number')
  const speed = asked ?? stimulus?.speed
  return typeof speed === 'number' ? ` at ${significant(speed, 2)}x` : ''
}

function row(label: string, before: string, after: string, change: string): string {
  return `${label.padEnd(17)}${before.padEnd(20)}${after.padEnd(20)}${change}`.trimEnd()
}

function changeText({ change, low, high }: NonNullable<ChangeRow['calibrated']>): string {
  return `${signed(change)} % (${signed(low)} … ${signed(high)})`
}

function signed(change: number): string {
  const percent = Math.round(change * 100)
  return percent < 0 ? `−${formatCount(-percent)}` : `+${formatCount(percent)}`
}

function cell(side: Side, metric: MetricName, quantile: PercentileName): string {
  const found = side.metrics[metric]?.[quantile]
  return found ? formatDuration(found.value) : '–'
}

const SHOWN = ['p50', 'p90', 'p95', 'p99'] as const

function metricLines(side: Side): string[] {
  const shown = Object.entries(side.metrics).flatMap(([name, metric]) =>
    metric === null || isRepeated(side, name as MetricName)
      ? []
      : [{ label: METRIC_LABELS[name as MetricName], metric }],
  )
  if (shown.length === 0) return []
  const unsure = shown.flatMap(({ metric }) => SHOWN.map((name) => metric[name]))
  // Where most of a column cannot say how sure it is, one note says it better than a mark in each cell.
  const marked = SHOWN.filter((name) => {
    const found = shown.flatMap(({ metric }) => metric[name] ?? [])
    return found.filter(({ method }) => method === 'cannot-say').length * 2 < found.length
  })
  const head = SHOWN.map((name) => name.padEnd(17))
    .join('')
    .trimEnd()
  return [
    `${'latency'.padEnd(17)}${'samples'.padStart(10)}   ${head}`,
    ...shown.map(
      ({ label, metric }) =>
        `${label.padEnd(17)}${formatCount(metric.n).padStart(10)}   ` +
        SHOWN.map((name) => percentileCell(metric, name, marked.includes(name)))
          .join('')
          .trimEnd(),
    ),
    ...(unsure.includes(null) ? ['–  too few samples to bound it'] : []),
    ...(unsure.some((found) => found?.method === 'cannot-say')
      ? ['±? or no ±: neighbouring requests are too alike to say how sure it is']
      : []),
  ]
}

/** First content is worth a line only where reasoning came before it. */
function isRepeated({ metrics }: Side, name: MetricName): boolean {
  if (name === 'lag') return metrics.lag?.max === 0
  if (name === 'ttfc') return metrics.ttfc?.mean === metrics.ttft?.mean
  if (name === 'icl') return metrics.icl?.n === metrics.itl?.n
  return false
}

/** '241 ms ±4 %': half the interval's width beside the value, so that a line stays readable. */
function percentileCell(metric: Metric, name: PercentileName, isMarked: boolean): string {
  const found = metric[name]
  if (!found) return '–'.padEnd(17)
  const spread = spreadOf(found)
  return `${formatDuration(found.value)}${spread === ' ±?' && !isMarked ? '' : spread}`.padEnd(17)
}

function spreadOf({ value, low, high }: Percentile): string {
  if (low === null || high === null) return ' ±?'
  const half = (high - low) / 2 / value
  return value > 0 && half >= 0.005 ? ` ±${formatCount(half * 100)} %` : ' ±0 %'
}

/** Sizes are held against the plan, which may have changed them on purpose. */
function stimulusLines({ stimulus, delivery }: Report): string[] {
  if (stimulus === null || stimulus.pairs === 0) return []
  const { arrivals } = stimulus
  return wrapped('stimulus', [
    `${formatCount(stimulus.pairs)} of ${formatCount(stimulus.pairs + stimulus.unpaired)} paired with their source`,
    ...(arrivals.ks === null ? [] : [`arrivals KS ${arrivals.ks.toFixed(3)} from it`]),
    ...(delivery === null
      ? []
      : [
          ...exact(delivery.promptExact, delivery.promptOff).map(
            (share) => `prompts as planned ${share}`,
          ),
          ...exact(delivery.outputExact, delivery.outputOff).map(
            (share) => `answers as planned ${share}`,
          ),
        ]),
  ])
}

function exact(count: number, off: number): string[] {
  return count + off === 0 ? [] : [formatShare(count / (count + off))]
}

/** Clauses joined by ` · `, broken between clauses at 100 columns. */
function wrapped(label: string, clauses: readonly string[]): string[] {
  const lines: string[] = []
  let current: string[] = []
  for (const clause of clauses.flatMap(broken)) {
    if (current.length > 0 && joined([...current, clause]).length + 11 > WIDTH) {
      lines.push(joined(current))
      current = []
    }
    current.push(clause)
  }
  lines.push(joined(current))
  return lines.map((line, index) => labelled(index === 0 ? label : '', line).trimEnd())
}

/** A clause that no line can hold is broken between words. */
function broken(clause: string): string[] {
  const most = WIDTH - 11
  if (clause.length <= most) return [clause]
  const at = clause.lastIndexOf(' ', most)
  return at <= 0 ? [clause] : [clause.slice(0, at), ...broken(clause.slice(at + 1))]
}
