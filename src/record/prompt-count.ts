/** What can be said of a prompt's size before anybody counted its tokens. Pure. */
import { asArray, asCount, type JsonObject } from '../stream/json.ts'
import type { RenderedPrompt } from '../stream/render-prompt.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import type { EndpointName } from '../trace/columns.ts'
import type { Exchange } from './exchange.ts'
import { featuresOf, type Features } from './token-features.ts'

/** A prompt's tokens as its engine sees them; no ids where equal ids need not mean equal prompts. */
export type PromptTokens = Readonly<{ count: number; ids: Uint32Array | null }>

/**
 * Has a prompt counted elsewhere; `wantsIds` asks for what the engine itself makes of it. Answers null, without a promise, where it cannot or must not ask,
 * and null in the promise where nothing came of it. Never rejects.
 */
export type CountPrompt = (
  exchange: Exchange,
  body: JsonObject,
  wantsIds: boolean,
) => Promise<PromptTokens | null> | null

export type PromptCount = Readonly<{
  /** Model and endpoint. */
  kind: string
  model: string
  /** null where the body could not be read, or holds more than text. */
  features: Features | null
  /** Asked of a tokenizer, or counted in a prompt of token ids. */
  exact: number | null
}>

export function promptCountOf(
  endpoint: EndpointName,
  facts: RequestFacts,
  rendered: RenderedPrompt | null,
): PromptCount {
  const model = facts.model ?? ''
  const body = facts.json ?? {}
  const texts = rendered === null ? promptTexts(body) : [rendered.bytes]
  const hasImages = facts.imageSizes !== null
  return {
    kind: `${model}/${endpoint}`,
    model,
    features: texts.length === 0 || hasImages ? null : featuresOf(texts),
    exact: countIds(body),
  }
}

/** Prompts or inputs of a request that has several. */
function promptTexts(body: JsonObject): Buffer[] {
  const value = body['prompt'] ?? body['input']
  const texts = typeof value === 'string' ? [value] : asArray(value)
  return texts.flatMap((text) => (typeof text === 'string' ? [Buffer.from(text)] : []))
}

/** Tokens of prompts that are given as ids; null for texts. */
function countIds(body: JsonObject): number | null {
  const list = asArray(body['prompt'])
  if (list.length === 0) return null
  if (list.every(isId)) return list.length
  const lists = list.map((entry) => asArray(entry))
  return lists.every((ids) => ids.length > 0 && ids.every(isId))
    ? lists.reduce((sum, ids) => sum + ids.length, 0)
    : null
}

/** null unless all are ids, and there is one. */
export function idsOf(list: readonly unknown[]): Uint32Array | null {
  return list.length > 0 && list.every(isId) ? Uint32Array.from(list as number[]) : null
}

function isId(value: unknown): boolean {
  return asCount(value) !== null
}
