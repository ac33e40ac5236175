/** A report as a person reads it: the verdict, then the numbers, then the reasons. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, plural, significant } from '../base/format.ts'
import { metricLines } from './metric-table.ts'
import type { PercentileName } from './metric.ts'
import type { ChangeRow, Report } from './report.ts'
import { type MetricName, okShare, type Side } from './side.ts'
import { profileLines, sloLines } from './slo-text.ts'
import type { CheckName } from './verdict.ts'
import { joined, labelled } from './words.ts'

export function formatReport(report: Report): string {
  const lines = [
    ...verdictLines(report),
    ...sloLines(report),
    ...requestLines(report),
    ...(report.recorded === null ? [] : comparisonLines(report)),
    '',
    ...metricLines(report.side),
    ...stimulusLines(report),
    ...(report.why.length > 0 ? [labelled('why', joined(report.why))] : []),
    ...report.notes.map((note) => labelled('note', note)),
    ...profileLines(report),
  ]
  return fold(`${lines.join('\n')}\n`)
}

/** What these find is the client's own limit, which its operator can do something about. */
const CLIENT_LIMITS: ReadonlySet<CheckName> = new Set([
  'lag',
  'cpu',
  'stalls',
  'throttling',
  'loop_delay',
  'loop_use',
  'garbage',
  'connect',
])

const WAY_OUT =
  'a machine of its own for the client, fewer requests/s, or more --workers; `trace doctor` measures it'

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
  return [
    labelled(verdict.status, joined(shown.map(({ says }) => says))),
    ...(bad.length > 0 ? [labelled('', `${plural(good.length, 'other check')} passed`)] : []),
    ...(bad.some(({ name }) => CLIENT_LIMITS.has(name)) ? [labelled('try', WAY_OUT)] : []),
  ]
}

function requestLines({ side, run }: Report): string[] {
  const { requests, throughput } = side
  return [
    labelled(
      'requests',
      joined([
        `${formatCount(requests.total)} ${run.kind} in ${formatDuration(throughput.window_s * 1e6)}`,
        `${formatShare(okShare(requests))} ok`,
        ...(requests.hung_up > 0 ? [`${formatCount(requests.hung_up)} hung up`] : []),
        ...(requests.failed > 0 ? [`${formatCount(requests.failed)} failed`] : []),
        ...(requests.end_unseen > 0
          ? [`${formatCount(requests.end_unseen)} ${unseenWords(run)}`]
          : []),
        ...(requests.not_sent > 0 ? [`${formatCount(requests.not_sent)} not sent`] : []),
        ...rate(throughput.offered_per_s, 'offered'),
        ...rate(throughput.completed_per_s, 'done'),
        ...rate(throughput.prompt_tokens_per_s, 'prompt tokens'),
        ...rate(throughput.output_tokens_per_s, 'output tokens'),
      ]),
    ),
  ]
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
      isCalibrated ? 'calibrated, within this run' : 'observed change within this run',
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
  return `${label.padEnd(16)}${before.padEnd(15)}${after.padEnd(18)}${change}`.trimEnd()
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

/** Sizes are held against the plan, which may have changed them on purpose. */
function stimulusLines({ stimulus, delivery }: Report): string[] {
  if (stimulus === null || stimulus.pairs === 0) return []
  const { arrivals } = stimulus
  return [
    labelled(
      'stimulus',
      joined([
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
      ]),
    ),
  ]
}

function exact(count: number, off: number): string[] {
  return count + off === 0 ? [] : [formatShare(count / (count + off))]
}
