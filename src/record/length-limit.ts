/** Answers whose length is known though nobody counted it: those that ran into their limit. Pure. */
import type { Observation } from '../stream/observation.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import { MOST_TOKENS_AN_EVENT } from './count-check.ts'

/**
 * A server that falls behind puts several tokens into one event, so events alone tell too little. But
 * an answer that ended for its length has as many tokens as it was allowed.
 *
 * @returns null where the server counted, the end was another, or several answers share the limit;
 *   and where so few events came that the server must have put a smaller limit in its place
 */
export function tokensAtLimit(facts: RequestFacts | null, seen: Observation): number | null {
  const limit = facts?.maxTokens ?? null
  if (limit === null || seen.tokenSource !== 'stream' || seen.finishReason !== 'length') return null
  if ((facts?.n ?? 1) !== 1 || (facts?.inputCount ?? 1) !== 1) return null
  const events = seen.outputTokens ?? 0
  return events <= limit && limit <= events * MOST_TOKENS_AN_EVENT ? limit : null
}
