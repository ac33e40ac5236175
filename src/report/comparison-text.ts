/** A comparison as a person reads it: the decision first. Pure. */
import { escapeText, fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, plural, significant } from '../base/format.ts'
import type { ComparedNumber, Comparison, GateResult } from './comparison.ts'

export function formatComparison(comparison: Comparison): string {
  const { runs, numbers, gates, invalid, load_differences: differences } = comparison
  if (runs.a === 0) return 'No pair of runs is whole, so there is nothing to compare.\n'
  const lines = [
    ...(invalid.length > 0
      ? [
          `INVALID  ${invalid.map(escapeText).join(', ')}: repeat before deciding; \`trace report\` names the checks`,
        ]
      : []),
    ...(differences.length > 0
      ? [`not the same load: ${differences.map(escapeText).join(' · ')}`]
      : []),
    ...gates.map(gateLine),
    `${plural(runs.a, 'run')} of A, ${runs.b} of B · verdicts ${verdictsOf(comparison)}`,
    `${''.padEnd(16)}${'A (median)'.padEnd(14)}${'B (median)'.padEnd(14)}change of B`,
    ...numbers.flatMap(numberLine),
    ...(comparison.within_runs_only
      ? ['note  one run a side: how much runs differ is not known']
      : []),
    ...(comparison.same_server === true
      ? [
          'note  both sides name the same server fingerprint: is this the comparison that was meant?',
        ]
      : []),
  ]
  return fold(`${lines.join('\n')}\n`)
}

const WORDS = { regression: 'REGRESSION', pass: 'PASS', inconclusive: 'INCONCLUSIVE' } as const

function gateLine(result: GateResult): string {
  const head = `${WORDS[result.decision]}  ${result.gate}`
  if ('reason' in result) return `${head}: ${result.reason}`
  const advice =
    result.runsToDecide === null
      ? ''
      : `: ${plural(result.runsToDecide, 'run')} a side would decide`
  return `${head}  ${changeText(result)}${advice}`
}

function changeText(
  found: Readonly<{ change: number; low: number | null; high: number | null }>,
): string {
  const range =
    found.low === null || found.high === null
      ? '(too few runs for an interval)'
      : `(${signed(found.low)} … ${signed(found.high)})`
  return `${signed(found.change)} % ${range}`
}

function numberLine({ name, a, b, change, low, high, p }: ComparedNumber): string[] {
  const [left, right] = [a, b].map((values) => medianText(name, values))
  if (left === '–' && right === '–') return []
  const text =
    change === null
      ? ''
      : `${low === null ? `${signed(change)} %` : changeText({ change, low, high })}${p !== null && a.length > 1 ? ` p ${significant(p, 2)}` : ''}`
  return [`${name.padEnd(16)}${left!.padEnd(14)}${right!.padEnd(14)}${text}`.trimEnd()]
}

function medianText(name: string, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null).toSorted((x, y) => x - y)
  if (known.length === 0 || known.length < values.length) return '–'
  const middle = (known.length - 1) / 2
  const median = (known[Math.floor(middle)]! + known[Math.ceil(middle)]!) / 2
  if (name.includes('.')) return formatDuration(median)
  return name === 'error_rate' ? formatShare(median) : `${significant(median, 3)}/s`
}

function verdictsOf({ verdicts }: Comparison): string {
  const counts = new Map<string, number>()
  for (const verdict of [...verdicts.a, ...verdicts.b]) {
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => `${formatCount(count)} ${name}`).join(', ')
}

function signed(change: number): string {
  const percent = change * 100
  const size =
    Math.abs(percent) < 10 ? significant(Math.abs(percent), 2) : formatCount(Math.abs(percent))
  return percent < 0 ? `−${size}` : `+${size}`
}
