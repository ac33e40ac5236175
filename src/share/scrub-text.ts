/** What `trace scrub` says: what is gone, what is still told, what it cost. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import type { Transform } from '../trace/header.ts'
import type { ScrubResult } from './scrub.ts'
import type { Violation } from './scrub-check.ts'
import { stillTells, type ScrubPolicy } from './scrub-policy.ts'

export function formatScrub(result: ScrubResult): string {
  const { output, policy, rowCount, rowDigest, steps, fidelity } = result
  const { arrivalKs, promptKs, outputKs, hitBefore, hitAfter } = fidelity
  const distances = [
    distance('arrivals', arrivalKs),
    distance('prompts', promptKs),
    distance('outputs', outputKs),
    ...fidelity.dispersion.flatMap(({ windowUs, before, after }) =>
      Number.isFinite(before + after)
        ? `IDC at ${windowUs / 1e6} s ${formatCount(before, 2)} → ${formatCount(after, 2)}`
        : [],
    ),
    `prefix hit ${formatShare(hitBefore)} → ${formatShare(hitAfter)} of prompt tokens (infinite cache)`,
  ]
  const lines = [
    `removed    ${steps.slice(1).flatMap(sayStep).join(', ')}`,
    `still tells ${stillTells(policy)}`,
    `fidelity   ${distances.flat().join(' · ')}`,
    `${output}  ${plural(rowCount, 'request')} · ${policy.preset} · digest ${(rowDigest ?? '').slice(0, 16)}`,
    '',
  ]
  return fold(lines.join('\n'))
}

/** Too few requests, or none with a length, have no distance. */
function distance(name: string, ks: number): string[] {
  return Number.isFinite(ks) ? [`${name} KS ${ks.toFixed(4)}`] : []
}

/** @returns nothing for a step that found nothing to do */
function sayStep({ name, arguments: given }: Transform): string | readonly string[] {
  const count = Number(given['count'] ?? 0)
  switch (name) {
    case 'scrub.rekey':
      return given['joinable'] === true ? 'the old ids (new ones by your key)' : 'the old ids'
    case 'scrub.drop-lone-ids':
      return count === 0 ? [] : `${plural(count, 'prefix id')} of only one request`
    case 'scrub.unshare':
      return count === 0 ? [] : `${unshared(given)} (${plural(count, 'id')})`
    case 'scrub.unshare-recipient':
      return `sharing with ${plural(count, 'tenant')} of the recipient`
    case 'scrub.drop-wall-clock':
      return 'wall clock'
    case 'scrub.round-times':
      return `times below ${formatDuration(Number(given['quantumUs']))}`
    case 'scrub.round-lengths':
      return `lengths between steps of ${String(given['leastStepTokens'])} tokens and more`
    case 'scrub.rare-models':
      return plural(count, 'rare model')
    case 'scrub.small-tenants':
      return plural(count, 'small tenant')
    case 'scrub.drop-columns':
      return plural((given['columns'] as readonly string[]).length, 'column')
    default:
      return 'labels, events, server metrics'
  }
}

function unshared({ across, minOtherTenants }: Transform['arguments']): string {
  if (across === 'session') return 'sharing between sessions'
  return minOtherTenants === null
    ? 'sharing between tenants'
    : `what fewer than ${Number(minOtherTenants)} other tenants share`
}

export function formatCheck(
  input: string,
  policy: ScrubPolicy,
  violations: readonly Violation[],
): string {
  if (violations.length === 0) return fold(`${input}  nothing outside ${policy.preset}\n`)
  const lines = violations.map(({ what, count }) => `  ${formatCount(count).padStart(9)}  ${what}`)
  return fold([`${input}  says more than ${policy.preset} allows`, ...lines, ''].join('\n'))
}
