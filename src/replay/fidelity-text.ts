/** What was delivered, in a few lines. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatShare, plural } from '../base/format.ts'
import type { FillerCounts, FillerReason } from './conversation.ts'
import type { Fidelity } from './fidelity.ts'
import type { PrefixGap } from './prefix-gap.ts'

/** 'done  sent 63 of 63 · prompts exact 100 % · answers exact 100 %' */
export function fidelityText(fidelity: Fidelity): string {
  const { planned, sent, promptExact, promptOff, outputExact, outputOff } = fidelity
  const { hungUp, hangUpMissed, surplusTokens } = fidelity
  const parts = [
    `sent ${formatCount(sent)} of ${formatCount(planned)}`,
    ...shareOf('prompts exact', promptExact, promptOff),
    ...shareOf('answers exact', outputExact, outputOff),
    ...(isUntold(fidelity) ? ['the server told no sizes'] : []),
    ...(hungUp === 0
      ? []
      : [`hung up ${formatCount(hungUp)} (${plural(surplusTokens, 'token')} late)`]),
    ...(hangUpMissed === 0 ? [] : [`${formatCount(hangUpMissed)} ended before the hang-up`]),
  ]
  if (fidelity.retried > 0) parts.push(`${formatCount(fidelity.retried)} tried again`)
  parts.push(...fillersText(fidelity.fillers))
  const bad = Object.entries(fidelity.outcomes).filter(
    ([outcome]) => outcome !== 'ok' && outcome !== 'client_abort',
  )
  const failed = bad.map(
    ([outcome, count]) =>
      `${formatCount(count)} ${outcome === 'unobserved_end' ? 'cut by the end of the run' : outcome.replaceAll('_', ' ')}`,
  )
  const lines = [`done  ${[...parts, ...failed].join(' · ')}`]
  if (fidelity.prefix !== null) lines.push(`      ${prefixText(fidelity.prefix)}`)
  return fold(lines.join('\n'))
}

/** Answers came whole, and of none the server counted a token. */
function isUntold({ outcomes, promptExact, promptOff, outputExact, outputOff }: Fidelity): boolean {
  const told = promptExact + promptOff + outputExact + outputOff
  return told === 0 && (outcomes['ok'] ?? 0) > 0
}

const FILLER_WORDS: Readonly<Record<FillerReason, string>> = {
  failed: 'the answer before failed',
  hungUp: 'it was hung up',
  noAnswer: 'nothing to quote in it',
  tooLong: 'too long for the turn',
  noTokenizer: 'nothing counts its tokens',
}

/** '7 turns could not quote (4 the answer before failed, 3 too long for the turn)' */
function fillersText(fillers: FillerCounts): string[] {
  const reasons = Object.entries(fillers).map(
    ([reason, count]) => `${formatCount(count)} ${FILLER_WORDS[reason as FillerReason]}`,
  )
  const total = Object.values(fillers).reduce((sum, count) => sum + count, 0)
  return total === 0 ? [] : [`${plural(total, 'turn')} could not quote (${reasons.join(', ')})`]
}

/** 'prefix hits 38.1 % of prompts · 41.0 % predicted in blocks of 16 · …' */
export function prefixText(gap: PrefixGap): string {
  const share = (tokens: number) => formatShare(gap.prompts === 0 ? 0 : tokens / gap.prompts)
  const { inFlight, evicted, answers, unexplained } = gap.causes
  const causes = [
    [evicted, 'evicted'],
    [inFlight, 'while the same prefix was still being read'],
    [answers, 'answers that were not held'],
    [unexplained, 'unexplained'],
  ] as const
  const lost = causes.flatMap(([tokens, name]) =>
    tokens < LEAST_SHARE * gap.prompts ? [] : [`${share(tokens)} lost: ${name}`],
  )
  const isMore = gap.served - gap.predicted >= LEAST_SHARE * gap.prompts
  return [
    `prefix hits ${share(gap.served)} of prompt tokens${gap.source === 'counters' ? ', as the server counts' : ''}`,
    `${share(gap.predicted)} predicted in blocks of ${formatCount(gap.blockTokens)} (${share(gap.shared)} shared)`,
    ...lost,
    ...(isMore ? ['more than the plan explains: is the cache warm?'] : []),
  ].join(' · ')
}

/** What is less is not worth a word: one token in a thousand. */
const LEAST_SHARE = 0.001

/** A share is only called whole when it is. */
function shareOf(name: string, exact: number, off: number): string[] {
  if (exact + off === 0) return []
  const share = exact / (exact + off)
  return [
    `${name} ${off > 0 && share > 0.9995 ? '< 100 %' : formatShare(share)} (${formatCount(exact + off)})`,
  ]
}
