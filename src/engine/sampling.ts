/** Sampling parameters that the dialects share: read, then checked as vLLM checks them. Pure. */
import type { Fields } from './fields.ts'
import { badRequest, badValue } from './refusal.ts'
import { VOCABULARY_SIZE } from './vocabulary.ts'

export type Sampling = Readonly<{
  /** Answers to each prompt. */
  n: number
  minTokens: number
  ignoreEos: boolean
  stop: readonly string[]
  stopTokenIds: readonly number[]
  keepsStop: boolean
  temperature: number
  topP: number
  seed: number | null
}>

const MAX_STOPS = 4
const MAX_LOGPROBS = 20

export function readSampling(fields: Fields): Sampling {
  return {
    n: fields.integer('n') ?? 1,
    seed: fields.integer('seed'),
    stop: readStop(fields),
    temperature: fields.real('temperature') ?? 1,
    topP: fields.real('top_p') ?? 1,
    stopTokenIds: (fields.list('stop_token_ids') ?? []).map(Number),
    keepsStop: fields.flag('include_stop_str_in_output'),
    ignoreEos: fields.flag('ignore_eos'),
    minTokens: fields.integer('min_tokens') ?? 0,
  }
}

function readStop(fields: Fields): string[] {
  const value = fields.body['stop'] ?? []
  if (typeof value === 'string') return [value]
  const list: readonly unknown[] = Array.isArray(value) ? value : []
  if (!Array.isArray(value) || list.some((stop) => typeof stop !== 'string')) {
    fields.fail('stop', 'string_type', 'Input should be a valid string')
    return []
  }
  if (list.length > MAX_STOPS) {
    fields.fail('stop', 'string_type', 'Input should be a valid string')
    fields.fail(
      'stop',
      'too_long',
      `List should have at most ${MAX_STOPS} items after validation, not ${list.length}`,
      `{'field_type': 'List', 'max_length': ${MAX_STOPS}, 'actual_length': ${list.length}}`,
    )
  }
  return list.map(String)
}

/** @throws Refusal for the first value out of its range */
export function checkSampling(sampling: Sampling, maxTokens: number | null): void {
  const { n, temperature, topP, minTokens, stop } = sampling
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`)
  if (temperature < 0) {
    const value = float(temperature)
    throw badValue(`temperature must be non-negative, got ${value}.`, 'temperature', value)
  }
  if (temperature > 2) {
    const value = float(temperature)
    throw badValue(`temperature must be in [0, 2], got ${value}.`, 'temperature', value)
  }
  if (topP <= 0 || topP > 1) {
    throw badValue(`top_p must be in (0, 1], got ${float(topP)}.`, 'top_p', float(topP))
  }
  if (maxTokens !== null && maxTokens < 1) {
    throw badValue(`max_tokens must be at least 1, got ${maxTokens}.`, 'max_tokens', maxTokens)
  }
  if (minTokens < 0)
    throw badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`)
  if (maxTokens !== null && minTokens > maxTokens) {
    throw badRequest(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
    )
  }
  if (stop.includes('')) throw badRequest('stop cannot contain an empty string.')
}

export function checkLogprobs(logprobs: number | null): void {
  if (logprobs !== null && logprobs > MAX_LOGPROBS) {
    throw badValue(
      `Requested sample logprobs of ${logprobs}, which is greater than max allowed: ${MAX_LOGPROBS}`,
      'logprobs',
      logprobs,
    )
  }
}

/** @throws Refusal where the prompt does not fit, or names a token that does not exist */
export function checkPrompt(tokens: readonly number[], maxModelTokens: number): void {
  const outside = tokens.find((token) => token < 0 || token >= VOCABULARY_SIZE)
  if (outside !== undefined) throw badRequest(`Token id ${outside} is out of vocabulary`)
  if (tokens.length === 0) throw badRequest('The decoder prompt cannot be empty')
  if (tokens.length >= maxModelTokens) {
    throw badValue(
      `This model's maximum context length is ${maxModelTokens} tokens. However, your prompt contains ` +
        `${tokens.length} input tokens, which exceeds this limit even without any output tokens. ` +
        'Please reduce the length of the input prompt.',
      'input_tokens',
      tokens.length,
    )
  }
}

/** @throws Refusal where more is asked for than any prompt leaves room for */
export function checkMaxTokens(param: string, asked: number | null, maxModelTokens: number): void {
  if (asked !== null && asked > maxModelTokens) {
    throw badValue(
      `${param}=${asked} cannot be greater than max_model_len=${maxModelTokens}. ` +
        'Please request fewer output tokens.',
      param,
      asked,
    )
  }
}

/** A number as Python prints a float. */
function float(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}
