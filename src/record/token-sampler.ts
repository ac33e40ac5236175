/**
 * Asks the upstream how many tokens a prompt has, or which: a few a second, aside from traffic, with a
 * key of our own and never a client's. Effects: network.
 */
import type { Clock } from '../base/clock.ts'
import type { HttpClient } from '../base/http.ts'
import { asArray, asCount, asObject, type JsonObject } from '../stream/json.ts'
import type { EndpointName } from '../trace/columns.ts'
import { countCallOf, type CountCall } from './count-call.ts'
import type { Exchange } from './exchange.ts'
import { idsOf, type CountPrompt, type PromptTokens } from './prompt-count.ts'

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
  /** They have no route that renders, or it is switched off. */
  const plainOrigins = new Set<string>()
  let asking = 0
  let nextAtUs = 0

  const post = async (path: string, origin: string, json: JsonObject): Promise<unknown> =>
    client.callJson(new URL(path, origin), { json, timeoutUs: PATIENCE_US, headers })

  const ask = async (question: Question, origin: string): Promise<PromptTokens | null> => {
    if (question.render !== null && !plainOrigins.has(origin)) {
      const { path, body } = question.render
      const rendered = renderedTokens(await post(path, origin, body))
      if (rendered !== null) return rendered
      plainOrigins.add(origin)
    }
    if (question.call === null) return null
    const found = asObject(await post('/tokenize', origin, question.call.body))
    // Of a question in other words than its own a server may say that it has no tokens.
    const count = asCount(found?.['count']) ?? 0
    if (count === 0) nextAtUs = clock.nowUs() + BACK_OFF_US
    return count === 0 ? null : { count, ids: idsOf(asArray(found?.['tokens'])) }
  }

  return (exchange, body, wantsIds) => {
    const origin = origins[exchange.route]
    const nowUs = clock.nowUs()
    if (perSec === 0 || origin === undefined || asking >= MAX_ASKING || nowUs < nextAtUs) {
      return null
    }
    if (exchange.requestBytes > MAX_PROMPT_BYTES) return null
    const question = questionOf(exchange, body, wantsIds && !plainOrigins.has(origin))
    if (question === null) return null
    asking += 1
    // Unused turns of up to a second may be caught up.
    nextAtUs = Math.max(nextAtUs, nowUs - 1_000_000) + 1_000_000 / perSec
    return ask(question, origin)
      .catch(() => {
        nextAtUs = clock.nowUs() + BACK_OFF_US
        return null
      })
      .finally(() => {
        asking -= 1
      })
  }
}

type Question = Readonly<{
  /** null where a prompt holds more than text. */
  call: CountCall | null
  /** The request itself, for the route that renders its prompt and generates nothing. */
  render: Readonly<{ path: string; body: JsonObject }> | null
}>

const RENDER_PATHS: Partial<Record<EndpointName, string>> = {
  chat: '/v1/chat/completions/render',
  completions: '/v1/completions/render',
}

function questionOf(exchange: Exchange, body: JsonObject, renders: boolean): Question | null {
  const call = countCallOf(exchange.endpoint, body)
  const path = RENDER_PATHS[exchange.endpoint]
  const render = renders && path !== undefined ? { path, body } : null
  return call === null && render === null ? null : { call, render }
}

/** vLLM answers with one prompt for chat, with a list for completions. */
function renderedTokens(answer: unknown): PromptTokens | null {
  const list = asArray(answer)
  const prompt = asObject(list.length === 1 ? list[0] : answer)
  const ids = idsOf(asArray(prompt?.['token_ids']))
  if (ids === null) return null
  // Images stand as equal placeholders in the ids, whatever they show.
  const hasFeatures = prompt?.['features'] !== null && prompt?.['features'] !== undefined
  return { count: ids.length, ids: hasFeatures ? null : ids }
}
