/** Findings about drift as a person reads them. */
import { formatDuration, formatShare, significant } from '../base/format.ts'
import type { TraceReader } from '../trace/trace.ts'
import { FEWEST_SEARCHED } from './drift-scan.ts'
import { driftBetween, driftWithin, type DriftFinding } from './drift-watch.ts'

/** Drift inside a trace of so many requests, or from it to another. */
export async function driftText(
  reader: TraceReader,
  other: TraceReader | null,
  requests: number,
): Promise<string> {
  if (other !== null) return formatDriftBetween(await driftBetween(reader, other))
  if (requests < FEWEST_SEARCHED) {
    return `drift      fewer than ${FEWEST_SEARCHED} requests: not looked for\n`
  }
  return formatDriftWithin(await driftWithin(reader))
}

/** Within one trace: what changed, where. */
function formatDriftWithin(findings: readonly DriftFinding[]): string {
  if (findings.length === 0)
    return 'drift      none found in rate, lengths, shared prefixes, hang-ups or mix\n'
  const lines = findings.map(
    (finding) => `drift      ${changeText(finding)} at ${formatDuration(finding.atUs ?? 0)}`,
  )
  return `${lines.join('\n')}\n${LEGEND}`
}

/** Between two traces: each signal, changed or not. */
function formatDriftBetween(findings: readonly DriftFinding[]): string {
  const lines = findings.map(
    (finding) => (finding.isDrift ? 'drift' : 'stable').padEnd(11) + changeText(finding),
  )
  return `${lines.join('\n')}\n${LEGEND}`
}

const LEGEND =
  '           KS, PSI, Wasserstein over sd; drift: p < 0.01 and PSI at least 0.1 above chance\n'

function changeText({ signal, before, after, ks, psi, wasserstein }: DriftFinding): string {
  const isShare = signal === 'hangups' || /^(tenant|model) /.test(signal)
  const value = (number: number) => (isShare ? formatShare(number) : significant(number, 3))
  const unit = signal === 'rate' ? '/s' : isShare ? '' : ' tokens'
  const figures = [ks, psi, wasserstein].map((figure) =>
    Number.isNaN(figure) ? '–' : significant(figure, 2),
  )
  return `${signal} ${value(before)} → ${value(after)}${unit} (${figures.join(' / ')})`
}
