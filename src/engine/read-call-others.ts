/** A body becomes a `Call`, or a `Refusal`: the responses and messages dialects. Pure. */
import type { Body } from './body.ts'
import type { Call } from './call.ts'
import { readContent, readTurns } from './conversation.ts'
import { Fields } from './fields.ts'
import { hashText } from './hash.ts'
import { type CallContext, checkModel } from './read-call.ts'
import { checkMaxTokens, checkPrompt, checkSampling, readSampling } from './sampling.ts'
import { type Turn, encodeChat } from './tokenizer.ts'

export function readResponsesCall(body: Body, context: CallContext): Call {
  // vLLM puts one field into the body before it checks it; its errors count that one too.
  const fields = new Fields({ ...body, metadata: body['metadata'] })
  fields.require('input')
  const model = fields.text('model')
  const instructions = fields.text('instructions')
  const asked = fields.integer('max_output_tokens')
  const read = readRest(fields, context)
  fields.finish()
  checkModel(model, context.settings)
  const system = instructions === null ? [] : [{ role: 'system', content: instructions }]
  const input = body['input']
  const turns = readTurns(
    typeof input === 'string'
      ? [{ role: 'user', content: input }]
      : ((input as readonly unknown[] | null) ?? []),
  )
  return {
    ...read,
    ...finishCall([...system, ...turns], asked, 'max_output_tokens', read, context),
    dialect: 'responses',
    id: `resp_${context.requestId}`,
    instructions,
  }
}

export function readMessagesCall(body: Body, context: CallContext): Call {
  const fields = new Fields(body)
  fields.require('messages')
  fields.require('max_tokens')
  const model = fields.text('model')
  const messages = fields.list('messages')
  const asked = fields.integer('max_tokens')
  // This dialect has no ignore_eos and no min_tokens: answers may always end by themselves.
  const own = { stop: readStopSequences(fields), ignoreEos: false, minTokens: 0 }
  const read = { ...readRest(fields, context), ...own }
  fields.finish()
  checkModel(model, context.settings)
  return {
    ...read,
    ...finishCall(turnsOf(body, messages), asked, 'max_completion_tokens', read, context),
    dialect: 'messages',
    id: `chatcmpl-${context.requestId}`,
  }
}

/** Turns of a messages body, for counting its tokens. */
export function countMessagesTokens(body: Body): number {
  const fields = new Fields(body)
  fields.require('messages')
  const messages = fields.list('messages')
  fields.finish()
  return encodeChat(turnsOf(body, messages)).length
}

/** In the messages dialect the system text stands beside the turns. */
function turnsOf(body: Body, messages: readonly unknown[] | null): Turn[] {
  const system = readContent(body['system'])
  const turns = readTurns(messages ?? [])
  return system === '' ? turns : [{ role: 'system', content: system }, ...turns]
}

function readRest(fields: Fields, { settings, createdSec }: CallContext) {
  return {
    ...readSampling(fields),
    isStream: fields.flag('stream'),
    hasUsage: true,
    hasContinuousUsage: false,
    hasTokenIds: false,
    hasEcho: false,
    isPromptOnly: false,
    logprobs: null,
    promptLogprobs: null,
    instructions: null,
    streamIntervalTokens: settings.streamIntervalTokens,
    salt: hashText(fields.text('cache_salt') ?? ''),
    model: settings.modelName,
    createdSec,
  }
}

function readStopSequences(fields: Fields): string[] {
  return (fields.list('stop_sequences') ?? []).map(String)
}

function finishCall(
  turns: readonly Turn[],
  asked: number | null,
  param: string,
  read: ReturnType<typeof readRest>,
  { settings }: CallContext,
) {
  const { maxModelTokens } = settings.profile
  const tokens = encodeChat(turns)
  checkPrompt(tokens, maxModelTokens)
  checkMaxTokens(param, asked, maxModelTokens)
  checkSampling(read, Math.min(asked ?? Infinity, maxModelTokens - tokens.length))
  return {
    prompts: [{ tokens, text: '' }],
    askedMaxTokens: asked,
    maxTokens: asked ?? maxModelTokens,
  }
}
