/** A body becomes a `Call`, or a `Refusal` in vLLM's words: completions, and what chat has in common with it. Pure. */
import type { Body } from './body.ts'
import type { Call, Prompt } from './call.ts'
import { Fields } from './fields.ts'
import { hashText } from './hash.ts'
import { Refusal, badRequest, unknownModel } from './refusal.ts'
import {
  checkLogitBias,
  checkLogprobForm,
  checkLogprobs,
  checkMaxTokens,
  checkPrompt,
  checkSampling,
  readSampling,
} from './sampling.ts'
import type { EngineSettings } from './settings.ts'
import { decode, encode } from './tokenizer.ts'

/** What a call takes from outside its body. */
export type CallContext = Readonly<{
  settings: EngineSettings
  createdSec: number
  /** 16 hex digits, or what the client sent as X-Request-Id. */
  requestId: string
  isRequestIdGiven: boolean
  dataParallelRank: string | undefined
}>

const DEFAULT_COMPLETION_TOKENS = 16
const ONLY_RANK = 0

export function readCompletionsCall(body: Body, context: CallContext): Call {
  const { maxModelTokens } = context.settings.profile
  const fields = new Fields(body)
  const model = fields.text('model')
  const hasEcho = fields.flag('echo')
  const maxTokens = fields.integer('max_tokens')
  const logprobs = fields.integer('logprobs')
  const suffix = fields.text('suffix')
  const common = readCommon(fields, context)
  checkPromptForm(fields)
  checkLogprobForm('logprobs', logprobs)
  fields.finish()
  checkModel(model, context.settings)
  if (suffix !== null) {
    throw badRequest('suffix is only supported for models with FIM completion rendering', 'suffix')
  }
  const prompts = readPrompts(body['prompt']).map((prompt) => truncate(prompt, common))
  const isPromptOnly = hasEcho && maxTokens === 0
  const asked = isPromptOnly ? 1 : (maxTokens ?? DEFAULT_COMPLETION_TOKENS)
  for (const { tokens } of prompts) checkPrompt(tokens, maxModelTokens)
  checkMaxTokens('max_tokens', asked, maxModelTokens)
  const longest = Math.max(...prompts.map(({ tokens }) => tokens.length))
  checkSampling(common, Math.min(asked, maxModelTokens - longest))
  const promptLogprobs = common.promptLogprobs ?? (hasEcho ? logprobs : null)
  checkOthers(fields, logprobs, promptLogprobs, context)
  return {
    ...common,
    dialect: 'completions',
    id: `cmpl-${requestIdOf(fields, context)}`,
    prompts,
    askedMaxTokens: maxTokens,
    maxTokens: asked,
    hasEcho,
    isPromptOnly,
    logprobs,
    promptLogprobs,
    instructions: null,
  }
}

/** What the engine itself looks at, after the prompt and the ranges. @throws Refusal */
export function checkOthers(
  fields: Fields,
  logprobs: number | null,
  promptLogprobs: number | null,
  context: CallContext,
): void {
  checkLogprobs('sample', logprobs)
  checkLogprobs('prompt', promptLogprobs)
  checkLogitBias(fields)
  checkRank(context)
}

/** Fields that completions and chat have in common. */
export function readCommon(fields: Fields, context: CallContext) {
  const { settings, createdSec } = context
  const sampling = readSampling(fields)
  const isStream = fields.flag('stream')
  const streamOptions = new Fields(fields.object('stream_options') ?? {}, 'body.stream_options')
  const hasUsage = streamOptions.flag('include_usage')
  const hasContinuousUsage = hasUsage && streamOptions.flag('continuous_usage_stats')
  streamOptions.finish()
  if (!isStream && fields.has('stream_options')) {
    const message =
      'Stream options can only be defined when `stream=True`. (parameter=stream_options)'
    throw badRequest(message, 'stream_options')
  }
  const promptLogprobs = fields.integer('prompt_logprobs')
  checkLogprobForm('prompt_logprobs', promptLogprobs)
  if (isStream && promptLogprobs !== null && promptLogprobs !== 0) {
    const message = '`prompt_logprobs` are not available when `stream=True`.'
    throw badRequest(`${message} (parameter=prompt_logprobs)`, 'prompt_logprobs')
  }
  return {
    ...sampling,
    isStream,
    hasUsage: hasUsage || settings.forcesUsage,
    hasContinuousUsage: hasContinuousUsage || settings.forcesUsage,
    hasTokenIds: fields.flag('return_token_ids'),
    streamIntervalTokens: fields.integerFrom('stream_interval', 1) ?? settings.streamIntervalTokens,
    truncateTokens: fields.integerFrom('truncate_prompt_tokens', -1),
    promptLogprobs,
    salt: hashText(fields.text('cache_salt') ?? ''),
    model: settings.modelName,
    createdSec,
  }
}

/** Body fields are null or absent alike; a model left out means the served one. */
export function checkModel(model: string | null, settings: EngineSettings): void {
  if (model !== null && model !== settings.modelName) throw unknownModel(model, settings.modelName)
}

export function requestIdOf(fields: Fields, context: CallContext): string {
  const given = fields.text('request_id')
  return context.isRequestIdGiven || given === null ? context.requestId : given
}

function checkRank({ dataParallelRank }: CallContext): void {
  if (dataParallelRank !== undefined && Number(dataParallelRank) !== ONLY_RANK) {
    throw badRequest(`data_parallel_rank ${dataParallelRank} is out of range [0, 1).`)
  }
}

/** The last tokens of a prompt, as many as were asked for; -1 and null leave it as it is. */
export function truncate(
  prompt: Prompt,
  { truncateTokens }: { truncateTokens: number | null },
): Prompt {
  if (truncateTokens === null || truncateTokens < 0) return prompt
  const { tokens } = prompt
  return { ...prompt, tokens: tokens.slice(Math.max(0, tokens.length - truncateTokens)) }
}

function checkPromptForm(fields: Fields): void {
  const prompt = fields.body['prompt']
  if (prompt === undefined || prompt === null || typeof prompt === 'string') return
  if (Array.isArray(prompt)) {
    const isGood = prompt.every(
      (item) => typeof item === 'string' || Number.isInteger(item) || Array.isArray(item),
    )
    if (isGood) return
  }
  for (const type of ['list', 'list', 'string', 'list']) {
    fields.fail('prompt', `${type}_type`, `Input should be a valid ${type}`)
  }
}

function readPrompts(prompt: unknown): Prompt[] {
  if (prompt === undefined || prompt === null || prompt === '') {
    throw badRequest(
      'Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)',
      'prompt',
    )
  }
  if (typeof prompt === 'string') return [{ tokens: encode(prompt), text: prompt }]
  const list = prompt as readonly unknown[]
  if (list.length === 0) throw badRequest('You must pass at least one prompt')
  if (typeof list[0] === 'number') return [promptOfTokens(list)]
  return list.map((item) =>
    typeof item === 'string' ? { tokens: encode(item), text: item } : promptOfTokens(item),
  )
}

function promptOfTokens(list: unknown): Prompt {
  const tokens = Array.isArray(list) ? list.map(Number) : []
  if (tokens.some((token) => !Number.isInteger(token))) {
    throw new Refusal(400, 'Bad Request', 'a prompt is text or a list of token ids', 'body.prompt')
  }
  return { tokens, text: decode(tokens.filter((token) => token >= 0)) }
}
