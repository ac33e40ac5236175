/** What `trace scrub` says: what is gone, what is still told, what it cost. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare } from '../base/format.ts'
import type { Transform } from '../trace/header.ts'
import type { ScrubResult } from './scrub.ts'
import type { Violation } from './scrub-check.ts'
import { stillTells, type ScrubPolicy } from './scrub-policy.ts'

export function formatScrub(result: ScrubResult): string {
  const { output, policy, rowCount, rowDigest, steps, fidelity } = result
  const { arrivalKs, promptKs, outputKs, dispersion, hitBefore, hitAfter } = fidelity
  const idc = dispersion
    .map(({ before, after }) => `${figure(before)} → ${figure(after)}`)
    .join(', ')
  const lines = [
    `removed    ${steps.slice(1).map(sayStep).join(', ')}`,
    `still tells ${stillTells(policy)}`,
    `fidelity   arrivals KS ${distance(arrivalKs)} · prompts KS ${distance(promptKs)} · outputs KS ${distance(outputKs)}`,
    `           IDC at 1, 10, 60 s ${idc}`,
    `           prefix hit ${formatShare(hitBefore)} → ${formatShare(hitAfter)} of prompt tokens (infinite cache)`,
    `${output}  ${formatCount(rowCount)} requests · ${policy.preset} · digest ${(rowDigest ?? '').slice(0, 16)}`,
    '',
  ]
  return fold(lines.join('\n'))
}

/** Too few requests, or none with a length, have no distance. */
function distance(ks: number): string {
  return Number.isFinite(ks) ? ks.toFixed(4) : '-'
}

function figure(value: number): string {
  return Number.isFinite(value) ? formatCount(value, 2) : '-'
}

function sayStep({ name, arguments: given }: Transform): string {
  const count = formatCount(Number(given['count'] ?? 0))
  switch (name) {
    case 'scrub.rekey':
      return given['joinable'] === true ? 'ids re-keyed with your key' : 'ids re-keyed'
    case 'scrub.drop-lone-ids':
      return `${count} prefix ids that only one request had`
    case 'scrub.unshare':
      return given['minOtherTenants'] === null
        ? `sharing between ${given['across'] === 'session' ? 'sessions' : 'tenants'} (${count} ids)`
        : `ids that fewer than ${Number(given['minOtherTenants'])} other tenants have (${count})`
    case 'scrub.unshare-recipient':
      return `sharing with ${count} tenants of the recipient`
    case 'scrub.drop-wall-clock':
      return 'wall clock'
    case 'scrub.round-times':
      return `times below ${formatDuration(Number(given['quantumUs']))}`
    case 'scrub.round-lengths':
      return `lengths between steps of ${String(given['leastStepTokens'])} tokens and more`
    case 'scrub.rare-models':
      return `${count} rare models`
    case 'scrub.small-tenants':
      return `${count} small tenants`
    case 'scrub.drop-columns':
      return `${(given['columns'] as readonly string[]).length} columns`
    default:
      return 'labels, events, server metrics'
  }
}

export function formatCheck(
  input: string,
  policy: ScrubPolicy,
  violations: readonly Violation[],
): string {
  if (violations.length === 0) return `${input}  nothing outside ${policy.preset}\n`
  const lines = violations.map(({ what, count }) => `  ${formatCount(count).padStart(9)}  ${what}`)
  return [`${input}  says more than ${policy.preset} allows`, ...lines, ''].join('\n')
}
