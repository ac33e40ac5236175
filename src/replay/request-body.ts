/** The JSON of one request, around the place where its prompt goes. Pure. */
import type { EndpointName } from '../trace/columns.ts'
import { paramsOf } from '../trace/json-column.ts'
import type { RequestShape } from '../workload/plan.ts'

/** What a target understands, found out before the first request. */
export type Dialect = Readonly<{
  /** vLLM's own parameters: ignore_eos, cache_salt, prompts as token ids. */
  isVllm: boolean
  /** Streams can be asked for their usage. */
  hasStreamOptions: boolean
  /** The server schedules by priority: others refuse a request that names one. */
  hasPriority: boolean
  /** Field that limits an answer of chat: models that think refuse the older of the two. */
  chatLimit: 'max_tokens' | 'max_completion_tokens'
}>

export const PATHS: Readonly<Record<EndpointName, string | null>> = {
  chat: '/chat/completions',
  completions: '/completions',
  responses: '/responses',
  messages: '/messages',
  embeddings: '/embeddings',
  other: null,
}

const PROMPT_FIELDS: Readonly<Record<EndpointName, string | null>> = {
  chat: 'messages',
  completions: 'prompt',
  responses: 'input',
  messages: 'messages',
  embeddings: 'input',
  other: null,
}

/** Some route of a server of models takes it. */
export function isSendable({ endpoint }: RequestShape): boolean {
  return PATHS[endpoint] !== null
}

/** No template around its prompt, of which one request may hold several. */
export function isBare({ endpoint }: RequestShape): boolean {
  return endpoint === 'completions' || endpoint === 'embeddings'
}

/** Prompts in one request, whose sizes the plan holds as one sum. */
export function promptsOf(shape: RequestShape): number {
  return isBare(shape) ? Math.max(1, shape.inputCount) : 1
}

/** Answers to one request, each as long as the plan says; a server counts their tokens together. */
export function answersOf(shape: RequestShape): number {
  return isOpenAi(shape.endpoint) ? shape.n * promptsOf(shape) : 1
}

/** Of the longest prompt in a request. */
export function longestPrompt(shape: RequestShape, promptTokens: number): number {
  return Math.ceil(promptTokens / promptsOf(shape))
}

/** Text before the prompt's value and text after it. */
export type BodyFrame = Readonly<{ before: string; after: string }>

export type BodyWish = Readonly<{
  shape: RequestShape
  /** As the target calls it. */
  model: string
  outputTokens: number
  /** Answer must not stop early; false where the request is not to be forced. */
  isExactLength: boolean
  cacheSalt: string | null
  /** Tool definitions as JSON, or null. */
  tools: string | null
  /** The answer is to bring its token ids: a later turn quotes them. */
  wantsTokenIds: boolean
  /** null: any token may be answered. */
  allowedTokenIds: readonly number[] | null
  /** Under which the server has kept what stands before the prompt; null: the prompt is whole. */
  previousResponseId: string | null
}>

/** Parameters that any server of the OpenAI dialect takes. */
const COMMON_PARAMS = new Set([
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'logprobs',
  'top_logprobs',
])

/** What this program decides itself. */
const OWN_PARAMS = new Set([
  // What would change how many tokens a prompt of words has.
  'add_generation_prompt',
  'add_special_tokens',
  'continue_final_message',
  'truncate_prompt_tokens',
  'include_usage',
  'continuous_usage_stats',
  'previous_response_id',
  'structured_output',
  'stream',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'min_tokens',
  'ignore_eos',
  'n',
  'best_of',
  'priority',
  'echo',
  'store',
  'background',
])

/** @returns null where the endpoint cannot be replayed */
export function bodyFrame(wish: BodyWish, dialect: Dialect): BodyFrame | null {
  const { shape } = wish
  const fields = JSON.stringify({ model: wish.model, ...fieldsOf(wish, dialect) }).slice(1, -1)
  const tools = wish.tools === null ? '' : `,"tools":${wish.tools}${toolChoiceOf(shape)}`
  const name = PROMPT_FIELDS[shape.endpoint]
  return name === null ? null : { before: `{${fields}${tools},"${name}":`, after: '}' }
}

/** Words that were drawn call nothing: a server that parsed them for calls would hold them back. */
function toolChoiceOf({ endpoint }: RequestShape): string {
  return endpoint === 'messages' ? ',"tool_choice":{"type":"none"}' : ',"tool_choice":"none"'
}

function fieldsOf(wish: BodyWish, dialect: Dialect): Record<string, unknown> {
  const { shape, outputTokens } = wish
  const { endpoint, isStream, n, priority } = shape
  if (endpoint === 'embeddings') return {}
  const usage = isStream && dialect.hasStreamOptions && isOpenAi(endpoint)
  return {
    ...takenParams(shape, dialect),
    [limitField(endpoint, dialect)]: outputTokens,
    ...(n > 1 && isOpenAi(endpoint) ? { n } : {}),
    ...(priority !== null && dialect.hasPriority ? { priority } : {}),
    stream: isStream,
    ...(usage ? { stream_options: usageOptions(shape) } : {}),
    ...(wish.previousResponseId === null
      ? {}
      : { previous_response_id: wish.previousResponseId, store: true }),
    ...(dialect.isVllm ? vllmFields(wish) : {}),
  }
}

function limitField(endpoint: EndpointName, { chatLimit }: Dialect): string {
  if (endpoint === 'responses') return 'max_output_tokens'
  return endpoint === 'chat' ? chatLimit : 'max_tokens'
}

/** Usage on each event costs the server something, so it is asked for where it was. */
function usageOptions(shape: RequestShape) {
  const each = shape.params?.includes('"continuous_usage_stats":true') === true
  return { include_usage: true, ...(each ? { continuous_usage_stats: true } : {}) }
}

/** The recorded request named a response that its server had kept. */
export function isChained(shape: RequestShape): boolean {
  const { endpoint, params } = shape
  return endpoint === 'responses' && params?.includes('"previous_response_id":true') === true
}

/** The recorded answer was bound to a grammar; the replayed one is not, for its words are made up. */
export function wasStructured({ params }: RequestShape): boolean {
  return params?.includes('"structured_output":true') === true
}

/** A bias that no other token comes up against: /v1/responses has no list of allowed ones. */
const OVERWHELMING = 100

function vllmFields(wish: BodyWish) {
  const { shape, cacheSalt, isExactLength, wantsTokenIds, allowedTokenIds } = wish
  const { endpoint } = shape
  const isLimited = allowedTokenIds !== null && isOpenAi(endpoint)
  const isBiased = allowedTokenIds !== null && endpoint === 'responses'
  return {
    // The dialect of Anthropic has no such field.
    ...(isExactLength && endpoint !== 'messages' ? { ignore_eos: true } : {}),
    ...(isBiased
      ? { logit_bias: Object.fromEntries(allowedTokenIds.map((id) => [id, OVERWHELMING])) }
      : {}),
    ...(cacheSalt === null ? {} : { cache_salt: cacheSalt }),
    ...(wantsTokenIds ? { return_token_ids: true } : {}),
    ...(isLimited ? { allowed_token_ids: allowedTokenIds } : {}),
  }
}

function isOpenAi(endpoint: EndpointName): boolean {
  return endpoint === 'chat' || endpoint === 'completions'
}

function takenParams(shape: RequestShape, dialect: Dialect): Record<string, unknown> {
  const { endpoint } = shape
  const isTaken = (name: string) =>
    (dialect.isVllm && endpoint !== 'messages') ||
    COMMON_PARAMS.has(name) ||
    (endpoint === 'messages' && name === 'top_k')
  return Object.fromEntries(
    Object.entries(paramsOf(shape.params)).filter(
      ([name]) => !OWN_PARAMS.has(name) && isTaken(name),
    ),
  )
}
