/** A body becomes a `Call`, or a `Refusal` in vLLM's words: completions and chat. Pure. */
import type { Body } from './body.ts'
import type { Call, Prompt } from './call.ts'
import { readTurns } from './conversation.ts'
import { Fields } from './fields.ts'
import { hashText } from './hash.ts'
import { Refusal, badRequest, unknownModel } from './refusal.ts'
import {
  checkLogprobs,
  checkMaxTokens,
  checkPrompt,
  checkSampling,
  readSampling,
} from './sampling.ts'
import type { EngineSettings } from './settings.ts'
import { decode, encode, encodeChat } from './tokenizer.ts'

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
  const maxTokens = fields.integer('max_tokens')
  const logprobs = fields.integer('logprobs')
  const common = readCommon(fields, context)
  checkPromptForm(fields)
  fields.finish()
  checkModel(model, context.settings)
  checkStreamOptions(fields, common.isStream)
  const prompts = readPrompts(body['prompt'])
  const asked = maxTokens ?? DEFAULT_COMPLETION_TOKENS
  for (const { tokens } of prompts) checkPrompt(tokens, maxModelTokens)
  checkMaxTokens('max_tokens', asked, maxModelTokens)
  checkSampling(common, asked)
  checkLogprobs(logprobs)
  checkRank(context)
  return {
    ...common,
    dialect: 'completions',
    id: `cmpl-${requestIdOf(fields, context)}`,
    prompts,
    askedMaxTokens: maxTokens,
    maxTokens: asked,
    hasEcho: fields.flag('echo'),
    logprobs,
    instructions: null,
  }
}

export function readChatCall(body: Body, context: CallContext): Call {
  const { maxModelTokens } = context.settings.profile
  const fields = new Fields(body)
  fields.require('messages')
  const messages = fields.list('messages')
  const model = fields.text('model')
  const maxTokens = fields.integer('max_tokens')
  const maxCompletionTokens = fields.integer('max_completion_tokens')
  const hasLogprobs = fields.flag('logprobs')
  const topLogprobs = fields.integer('top_logprobs')
  const hasAnswerHead = !fields.has('add_generation_prompt') || fields.flag('add_generation_prompt')
  const common = readCommon(fields, context)
  fields.finish()
  checkModel(model, context.settings)
  checkStreamOptions(fields, common.isStream)
  checkTools(fields)
  const tokens = encodeChat(readTurns(messages ?? []), hasAnswerHead)
  const asked = maxCompletionTokens ?? maxTokens
  const param = maxCompletionTokens === null ? 'max_tokens' : 'max_completion_tokens'
  checkPrompt(tokens, maxModelTokens)
  checkMaxTokens(param, asked, maxModelTokens)
  checkSampling(common, asked)
  checkLogprobs(topLogprobs)
  checkRank(context)
  return {
    ...common,
    dialect: 'chat',
    id: `chatcmpl-${requestIdOf(fields, context)}`,
    prompts: [{ tokens, text: '' }],
    askedMaxTokens: asked,
    maxTokens: asked ?? maxModelTokens,
    hasEcho: false,
    logprobs: hasLogprobs ? (topLogprobs ?? 0) : null,
    instructions: null,
  }
}

/** Fields that completions and chat have in common. */
function readCommon(fields: Fields, context: CallContext) {
  const { settings, createdSec } = context
  const sampling = readSampling(fields)
  const isStream = fields.flag('stream')
  const streamOptions = new Fields(fields.object('stream_options') ?? {}, 'body.stream_options')
  const hasUsage = streamOptions.flag('include_usage')
  const hasContinuousUsage = hasUsage && streamOptions.flag('continuous_usage_stats')
  streamOptions.finish()
  return {
    ...sampling,
    isStream,
    hasUsage: hasUsage || settings.forcesUsage,
    hasContinuousUsage: hasContinuousUsage || settings.forcesUsage,
    hasTokenIds: fields.flag('return_token_ids'),
    streamIntervalTokens: fields.integer('stream_interval') ?? settings.streamIntervalTokens,
    salt: hashText(fields.text('cache_salt') ?? ''),
    model: settings.modelName,
    createdSec,
  }
}

/** Body fields are null or absent alike; a model left out means the served one. */
export function checkModel(model: string | null, settings: EngineSettings): void {
  if (model !== null && model !== settings.modelName) throw unknownModel(model, settings.modelName)
}

function requestIdOf(fields: Fields, context: CallContext): string {
  const given = fields.text('request_id')
  return context.isRequestIdGiven || given === null ? context.requestId : given
}

function checkStreamOptions(fields: Fields, isStream: boolean): void {
  if (!isStream && fields.has('stream_options')) {
    const message =
      'Stream options can only be defined when `stream=True`. (parameter=stream_options)'
    throw badRequest(message, 'stream_options')
  }
}

function checkRank({ dataParallelRank }: CallContext): void {
  if (dataParallelRank !== undefined && Number(dataParallelRank) !== ONLY_RANK) {
    throw badRequest(`data_parallel_rank ${dataParallelRank} is out of range [0, 1).`)
  }
}

/** Tools are not simulated; a server without a tool parser refuses `auto` just so. */
function checkTools(fields: Fields): void {
  const hasTools = Array.isArray(fields.body['tools']) && fields.body['tools'].length > 0
  const choice = fields.body['tool_choice'] ?? 'auto'
  if (hasTools && choice !== 'none') {
    throw badRequest(
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    )
  }
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
