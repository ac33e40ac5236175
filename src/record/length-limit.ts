/** Answers whose length is known though nobody counted it: those that ran into their limit. Pure. */
import type { Observation } from '../stream/observation.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import { MOST_TOKENS_AN_EVENT } from './count-check.ts'

/**
 * A server that falls behind puts several tokens into one event, so events alone tell too little. But
 * an answer of vLLM that ended for its length has as many tokens as it was allowed: it refuses a limit
 * that it could not keep, where other servers put a smaller one in its place.
 *
 * @returns null where the server counted, is not known to be vLLM, or ended the answer for another
 *   reason; where several answers share the limit; and where their text could not hold so many
 */
export function tokensAtLimit(facts: RequestFacts | null, seen: Observation): number | null {
  const limit = facts?.maxTokens ?? null
  if (facts === null || limit === null || !isCutByLimit(seen)) return null
  if ((facts.n ?? 1) !== 1 || (facts.inputCount ?? 1) !== 1) return null
  const events = seen.outputTokens ?? 0
  const isLikely = events <= limit && limit <= events * MOST_TOKENS_AN_EVENT
  return isLikely && limit <= textBytes(seen) ? limit : null
}

function isCutByLimit({ tokenSource, finishReason, hasStopReason }: Observation): boolean {
  return tokenSource === 'stream' && finishReason === 'length' && hasStopReason
}

/** A token with text has a byte of it, and nearly all have more. */
function textBytes({ answerText, answerReasoning, answerCalls }: Observation): number {
  const calls = (answerCalls ?? []).map((call) => call.name + call.arguments)
  const texts = [answerText ?? '', answerReasoning ?? '', ...calls]
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}
