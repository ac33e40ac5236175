/** Objectives, budgets, fluidity and other tools' formulas as text. Pure. */
import { escapeText } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import type { Report } from './report.ts'
import type { ObjectiveResult } from './slo.ts'
import { joined, labelled } from './words.ts'

export function sloLines({ slo, fluidity }: Report): string[] {
  if (slo === null) return []
  const lines = slo.objectives.map((result) => labelled('objective', objectiveText(result)))
  for (const budget of slo.budgets) {
    const { beyond_share: beyond, allowed_share: allowed, month_lasts_days: days } = budget
    lines.push(
      labelled(
        'budget',
        `${budget.objective}: ${formatShare(beyond)} beyond, ${formatShare(allowed)} allowed`,
      ),
      labelled(
        '',
        joined([
          `burning ${significant(budget.burn_rate, 2)}x`,
          days !== null && `a 30-day budget would last ${significant(days, 2)} days`,
        ]),
      ),
    )
  }
  if (slo.goodput !== null) {
    lines.push(
      labelled(
        'goodput',
        joined([
          formatShare(slo.goodput),
          slo.good_requests_per_s !== null &&
            `${significant(slo.good_requests_per_s, 3)} requests/s`,
          slo.good_tokens_per_s !== null && `${significant(slo.good_tokens_per_s, 3)} tokens/s`,
        ]),
      ),
    )
  }
  for (const [name, parts] of Object.entries(slo.by)) {
    if (parts.length < 2) continue
    const text = parts
      .slice(0, 5)
      .map((part) => `${shortened(part.name)} ${formatShare(part.goodput, 0)}`)
    lines.push(labelled('', `by ${name.replace('_', ' ')}: ${text.join(' · ')}`))
  }
  if (fluidity !== null) {
    lines.push(
      labelled(
        'fluidity',
        `${formatShare(fluidity.mean)} of tokens in time · ${formatShare(fluidity.fluid_share)} of streams fluid`,
      ),
    )
  }
  return lines
}

const MAX_NAME = 40

function shortened(name: string): string {
  const text = escapeText(name)
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME - 1)}…` : text
}

export function objectiveText({ text, name, value, met }: ObjectiveResult): string {
  if (met === null) return `${text}: too few samples to say`
  if (value === null) return `${text} MISSED: too few samples to say by how much`
  const shown = name.includes('.')
    ? formatDuration(value)
    : name === 'error_rate'
      ? formatShare(value)
      : `${significant(value, 3)}/s`
  return `${text} ${met ? 'met' : 'MISSED'}: ${shown}`
}

export function profileLines({ profile }: Report): string[] {
  if (profile === null) return []
  return [
    '',
    `as ${profile.profile} computes it, ms (${formatCount(profile.completed)} completed in ${significant(profile.duration_s, 4)} s)`,
    `${''.padEnd(32)}${['mean', 'p50', 'p95', 'p99'].map((name) => name.padStart(12)).join('')}`,
    ...Object.entries(profile.metrics).map(
      ([name, { mean, p50, p95, p99 }]) =>
        `${name.padEnd(32)}${[mean, p50, p95, p99].map(cell).join('')}`,
    ),
  ]
}

function cell(value: number): string {
  return formatCount(value, 2).padStart(12)
}
