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
  /** Of these, only the range is looked at: the words are made up anyway. */
  topK: number
  minP: number
  presencePenalty: number
  frequencyPenalty: number
  repetitionPenalty: number
  seed: number | null
}>

/** vLLM's own limit, VLLM_MAX_N_SEQUENCES. */
const MAX_ANSWERS = 16_384
const MAX_STOPS = 4
const MAX_LOGPROBS = 20
/** Asks for the whole vocabulary. */
const ALL_LOGPROBS = -1

export function readSampling(fields: Fields): Sampling {
  return {
    n: fields.integer('n') ?? 1,
    seed: fields.integer('seed'),
    stop: readStop(fields),
    temperature: fields.real('temperature') ?? 1,
    topP: fields.real('top_p') ?? 1,
    topK: fields.integer('top_k') ?? 0,
    minP: fields.real('min_p') ?? 0,
    presencePenalty: fields.real('presence_penalty') ?? 0,
    frequencyPenalty: fields.real('frequency_penalty') ?? 0,
    repetitionPenalty: fields.real('repetition_penalty') ?? 1,
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

/**
 * @param maxTokens what was asked for, or the room that the prompt leaves where that is less
 * @throws Refusal for the first value out of its range
 */
export function checkSampling(sampling: Sampling, maxTokens: number): void {
  checkAnswers(sampling.n)
  checkPenalties(sampling)
  checkTemperature(sampling.temperature)
  const { topP, topK, minP, minTokens, stop } = sampling

  if (topP <= 0 || topP > 1) {
    throw badValue(`top_p must be in (0, 1], got ${float(topP)}.`, 'top_p', float(topP))
  }
  if (topK < -1) throw badRequest(`top_k must be 0 (disable), or at least 1, got ${topK}.`)
  if (minP < 0 || minP > 1) throw badRequest(`min_p must be in [0, 1], got ${float(minP)}.`)
  if (maxTokens < 1) {
    throw badValue(`max_tokens must be at least 1, got ${maxTokens}.`, 'max_tokens', maxTokens)
  }
  if (minTokens < 0)
    throw badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`)
  if (minTokens > maxTokens) {
    throw badRequest(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
    )
  }
  if (stop.includes('')) throw badRequest('stop cannot contain an empty string.')
}

function checkAnswers(n: number): void {
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`)
  if (n > MAX_ANSWERS) {
    throw badRequest(
      `n must be at most ${MAX_ANSWERS}, got ${n}. ` +
        'To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.',
    )
  }
}

function checkPenalties(sampling: Sampling): void {
  const penalties = {
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
  }
  for (const [name, value] of Object.entries(penalties)) {
    if (Math.abs(value) > 2) throw badRequest(`${name} must be in [-2, 2], got ${float(value)}.`)
  }
  const repetition = sampling.repetitionPenalty
  if (repetition <= 0) {
    throw badRequest(`repetition_penalty must be greater than zero, got ${float(repetition)}.`)
  }
}

function checkTemperature(temperature: number): void {
  if (temperature >= 0 && temperature <= 2) return
  const value = float(temperature)
  const wanted = temperature < 0 ? 'non-negative' : 'in [0, 2]'
  throw badValue(`temperature must be ${wanted}, got ${value}.`, 'temperature', value)
}

/** @throws Refusal for a count that is no count, before anything else of the request is looked at */
export function checkLogprobForm(name: string, count: number | null): void {
  if (count !== null && count < ALL_LOGPROBS) {
    throw badValue(`\`${name}\` must be a positive value or -1.`, name, count)
  }
}

/** @param of 'sample' for tokens of the answer, 'prompt' for those of the prompt */
export function checkLogprobs(of: 'sample' | 'prompt', asked: number | null): void {
  const count = asked === ALL_LOGPROBS ? VOCABULARY_SIZE : asked
  if (count === null || count <= MAX_LOGPROBS) return
  throw badValue(
    `Requested ${of} logprobs of ${count}, which is greater than max allowed: ${MAX_LOGPROBS}`,
    of === 'sample' ? 'logprobs' : 'prompt_logprobs',
    count,
  )
}

/** @throws Refusal where a token is named that does not exist */
export function checkLogitBias(fields: Fields): void {
  const named = Object.keys(fields.object('logit_bias') ?? {}).map(Number)
  const outside = named.filter((token) => token < 0 || token >= VOCABULARY_SIZE)
  if (outside.length === 0) return
  const list = `[${outside.join(', ')}]`
  const size = `Vocabulary size: ${VOCABULARY_SIZE}`
  const message = `token_id(s) ${list} in logit_bias contain out-of-vocab token ids. ${size}`
  throw badValue(message, 'logit_bias', list)
}

/** @throws Refusal where the prompt does not fit, or names a token that does not exist */
export function checkPrompt(tokens: readonly number[], maxModelTokens: number): void {
  const outside = tokens.find((token) => token < 0 || token >= VOCABULARY_SIZE)
  if (outside !== undefined) throw badRequest(`Token id ${outside} is out of vocabulary`)
  if (tokens.length === 0) throw badRequest('The decoder prompt cannot be empty')
  if (tokens.length > maxModelTokens) {
    // One token too many is where vLLM stops counting.
    const many = tokens.length === maxModelTokens + 1 ? 'at least ' : ''
    throw badValue(
      `This model's maximum context length is ${maxModelTokens} tokens. However, your prompt contains ` +
        `${many}${tokens.length} input tokens, which exceeds this limit even without any output tokens. ` +
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
