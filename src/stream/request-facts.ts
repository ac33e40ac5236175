/** What a request asks for, in numbers: none of its text. Pure. */
import { canonicalJson } from '../trace/canonical.ts'
import type { EndpointName } from '../trace/columns.ts'
import { sizeOfBase64, sizeOfDataUrl, UNKNOWN_SIZE, type ImageSize } from './image-size.ts'
import { asArray, asCount, asMark, asObject, asText, parseJson, type JsonObject } from './json.ts'
import { isStructured } from './structured-output.ts'

export type RequestFacts = Readonly<{
  /** As the client wrote it; a row keeps it only where the server knew it too. */
  model: string | null
  isStream: boolean
  asksUsage: boolean
  maxTokens: number | null
  n: number | null
  /** Prompts or inputs in one request. */
  inputCount: number | null
  priority: number | null
  /** Canonical JSON of allow-listed numbers and booleans; null without any. */
  params: string | null
  tools: number | null
  toolBytes: number | null
  /** Canonical JSON list of [width, height, bytes]. */
  imageSizes: string | null
  /** Not looked at whole: it was too long, or could not be unpacked. */
  isCut: boolean
  /** The request itself, for those who derive keyed ids from it; never stored. */
  json: JsonObject | null
}>

/** A map, since a target may be any word, `constructor` too. */
const PATHS: ReadonlyMap<string, EndpointName> = new Map([
  ['/v1/chat/completions', 'chat'],
  ['/v1/completions', 'completions'],
  ['/v1/responses', 'responses'],
  ['/v1/messages', 'messages'],
  ['/v1/embeddings', 'embeddings'],
])

/**
 * The same behind what gateways put before it, and as Azure names a deployment. Without a version only
 * chat is meant for sure: other servers have routes of their own at /completions and at …/messages.
 */
const PREFIXED =
  /(?:\/v\d+|\/deployments\/[^/]+)\/(completions|responses|messages|embeddings)\/?$|\/(chat\/completions)\/?$/

/** @returns null for a request that is passed on and not recorded */
export function endpointOf(method: string, target: string): EndpointName | null {
  if (method !== 'POST') return null
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  const known = PATHS.get(path)
  if (known !== undefined) return known
  const [, versioned, chat] = PREFIXED.exec(path) ?? []
  return PATHS.get(`/v1/${versioned ?? chat ?? ''}`) ?? null
}

const PARAMS = [
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'presence_penalty',
  'frequency_penalty',
  'repetition_penalty',
  'length_penalty',
  'min_tokens',
  'ignore_eos',
  'logprobs',
  'top_logprobs',
  'prompt_logprobs',
  'best_of',
  'use_beam_search',
  'echo',
  'parallel_tool_calls',
  'skip_special_tokens',
  'spaces_between_special_tokens',
  'include_stop_str_in_output',
  'add_generation_prompt',
  'add_special_tokens',
  'continue_final_message',
  'truncate_prompt_tokens',
  'return_token_ids',
  'stream_interval',
  'background',
  'store',
] as const

/** Numbers are cut to this and to so many digits, so that none can carry a message. */
const LARGEST_PARAM = 1_000_000
const PARAM_DIGITS = 4
const MAX_COUNT = 1_000_000
const MAX_IMAGES = 1_000

/** @param body not compressed; `isCut` says that its end is missing */
export function describeRequest(
  endpoint: EndpointName,
  body: Buffer,
  isCut: boolean,
): RequestFacts {
  const json = isCut ? null : asObject(parseJson(body.toString()))
  const value = json ?? {}
  const tools = asArray(value['tools'])
  const images = imageSizesOf(endpoint, value)
  const options = asObject(value['stream_options'])
  return {
    model: asMark(value['model']),
    isStream: value['stream'] === true,
    asksUsage: options?.['include_usage'] === true,
    maxTokens: clamp(
      value['max_completion_tokens'] ?? value['max_tokens'] ?? value['max_output_tokens'],
    ),
    n: clamp(value['n']),
    inputCount: inputCountOf(endpoint, value),
    priority: wholeNumber(value['priority']),
    params: paramsOf(value, options),
    tools: tools.length === 0 ? null : tools.length,
    toolBytes: tools.length === 0 ? null : Buffer.byteLength(JSON.stringify(tools)),
    imageSizes: images.length === 0 ? null : canonicalJson(images.slice(0, MAX_IMAGES)),
    isCut,
    json,
  }
}

function paramsOf(value: JsonObject, options: JsonObject | null): string | null {
  const kept: Record<string, number | boolean> = {}
  for (const name of PARAMS) {
    const param = value[name]
    if (typeof param === 'boolean') kept[name] = param
    else if (typeof param === 'number' && Number.isFinite(param)) kept[name] = round(param)
  }
  for (const name of ['include_usage', 'continuous_usage_stats']) {
    if (options?.[name] === true) kept[name] = true
  }
  // Which one is the business of nobody; that there was one says how the prompt travelled.
  if (asText(value['previous_response_id']) !== null) kept['previous_response_id'] = true
  if (isStructured(value)) kept['structured_output'] = true
  return Object.keys(kept).length === 0 ? null : canonicalJson(kept)
}

function round(value: number): number {
  const limited = Math.min(Math.max(value, -LARGEST_PARAM), LARGEST_PARAM)
  return Number(limited.toPrecision(PARAM_DIGITS)) + 0
}

function clamp(value: unknown): number | null {
  const count = asCount(value)
  return count === null ? null : Math.min(count, MAX_COUNT * 100)
}

function wholeNumber(value: unknown): number | null {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return null
  return Math.min(Math.max(value, -MAX_COUNT), MAX_COUNT) + 0
}

/** Token ids are one prompt; a list of texts, or of lists of ids, is several. */
function inputCountOf(endpoint: EndpointName, value: JsonObject): number | null {
  if (endpoint !== 'completions' && endpoint !== 'embeddings') return null
  const input = endpoint === 'completions' ? value['prompt'] : value['input']
  if (!Array.isArray(input)) return input === undefined ? null : 1
  return typeof input[0] === 'number' ? 1 : Math.min(input.length, MAX_COUNT)
}

function imageSizesOf(endpoint: EndpointName, value: JsonObject): ImageSize[] {
  if (endpoint === 'completions' || endpoint === 'embeddings') return []
  const turns = asArray(value['messages'] ?? value['input'])
  return turns.flatMap((turn) =>
    asArray(asObject(turn)?.['content']).flatMap((part) => imageSizeOf(asObject(part))),
  )
}

function imageSizeOf(part: JsonObject | null): ImageSize[] {
  switch (asText(part?.['type']) ?? '') {
    case 'image': {
      const data = asObject(part?.['source'])?.['data']
      return [typeof data === 'string' ? sizeOfBase64(data) : UNKNOWN_SIZE]
    }
    case 'image_url':
    case 'input_image': {
      const image = part?.['image_url']
      const url = typeof image === 'string' ? image : asObject(image)?.['url']
      return [typeof url === 'string' ? sizeOfDataUrl(url) : UNKNOWN_SIZE]
    }
    case 'tool_result':
      return asArray(part?.['content']).flatMap((inner) => imageSizeOf(asObject(inner)))
    default:
      return []
  }
}
