/**
 * Asks the upstream how many tokens a prompt has: a few a second, aside from traffic, with a key of
 * our own and never a client's. Effects: network.
 */
import type { Clock } from '../base/clock.ts'
import type { HttpClient } from '../base/http.ts'
import { asArray, asCount, asObject } from '../stream/json.ts'
import { countCallOf } from './count-call.ts'
import { idsOf, type CountPrompt } from './prompt-count.ts'

const PATIENCE_US = 2_000_000
/** A slow server is not asked more at once. */
const MAX_ASKING = 4
/** Longer prompts are estimated from shorter ones. */
const MAX_PROMPT_BYTES = 400_000
/** After a refusal, e.g. a server without the route. */
const BACK_OFF_US = 60_000_000

export type TokenSamplerOptions = Readonly<{
  clock: Clock
  client: HttpClient
  /** 0: never. */
  perSec: number
  /** Upstream of each route. */
  origins: Readonly<Record<string, string>>
  apiKey: string | null
}>

/** @returns a counter that answers null, without a promise, whenever it must not ask */
export function createTokenSampler(options: TokenSamplerOptions): CountPrompt {
  const { clock, client, perSec, origins, apiKey } = options
  const headers: Record<string, string> =
    apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
  let asking = 0
  let nextAtUs = 0
  return (exchange, body) => {
    const origin = origins[exchange.route]
    const nowUs = clock.nowUs()
    if (perSec === 0 || origin === undefined || asking >= MAX_ASKING || nowUs < nextAtUs) {
      return null
    }
    if (exchange.requestBytes > MAX_PROMPT_BYTES) return null
    const call = countCallOf(exchange.endpoint, body)
    if (call === null) return null
    asking += 1
    // Unused turns of up to a second may be caught up.
    nextAtUs = Math.max(nextAtUs, nowUs - 1_000_000) + 1_000_000 / perSec
    return client
      .callJson(new URL('/tokenize', origin), { json: call.body, timeoutUs: PATIENCE_US, headers })
      .then((answer) => {
        const found = asObject(answer)
        const count = asCount(found?.['count'])
        if (count !== null) return { count, ids: idsOf(asArray(found?.['tokens'])) }
        nextAtUs = clock.nowUs() + BACK_OFF_US
        return null
      })
      .catch(() => {
        nextAtUs = clock.nowUs() + BACK_OFF_US
        return null
      })
      .finally(() => {
        asking -= 1
      })
  }
}
