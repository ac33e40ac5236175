/** A body becomes a `Call`, or a `Refusal` in vLLM's words: chat. Pure. */
import type { Body } from './body.ts'
import type { Call } from './call.ts'
import { checkTextOnly, readEnding, readTurns } from './conversation.ts'
import { Fields } from './fields.ts'
import {
  type CallContext,
  checkModel,
  checkOthers,
  readCommon,
  requestIdOf,
  truncate,
} from './read-call.ts'
import { badRequest } from './refusal.ts'
import { checkLogprobForm, checkMaxTokens, checkPrompt, checkSampling } from './sampling.ts'
import { encodeChat } from './tokenizer.ts'

export function readChatCall(body: Body, context: CallContext): Call {
  const { maxModelTokens } = context.settings.profile
  const fields = new Fields(body)
  fields.require('messages')
  const messages = fields.list('messages') ?? []
  const model = fields.text('model')
  const maxTokens = fields.integer('max_tokens')
  const maxCompletionTokens = fields.integer('max_completion_tokens')
  const logprobs = readLogprobs(fields)
  const common = readCommon(fields, context)
  checkToolChoice(fields)
  fields.finish()
  checkModel(model, context.settings)
  checkToolParser(fields)
  checkTextOnly(messages, context.settings.modelName)
  const prompt = { tokens: encodeChat(readTurns(messages), readEnding(fields)), text: '' }
  const { tokens } = truncate(prompt, common)
  const asked = maxCompletionTokens ?? maxTokens
  const param = maxCompletionTokens === null ? 'max_tokens' : 'max_completion_tokens'
  checkPrompt(tokens, maxModelTokens)
  checkMaxTokens(param, asked, maxModelTokens)
  checkSampling(common, Math.min(asked ?? Infinity, maxModelTokens - tokens.length))
  const promptLogprobs = common.promptLogprobs ?? (fields.flag('echo') ? (logprobs ?? 0) : null)
  checkOthers(fields, logprobs, promptLogprobs, context)
  return {
    ...common,
    dialect: 'chat',
    id: `chatcmpl-${requestIdOf(fields, context)}`,
    prompts: [{ tokens, text: '' }],
    askedMaxTokens: asked,
    maxTokens: asked ?? maxModelTokens,
    hasEcho: false,
    isPromptOnly: false,
    logprobs,
    promptLogprobs,
    instructions: null,
  }
}

/** Alternatives beside each token; null where no log probabilities were asked for. */
function readLogprobs(fields: Fields): number | null {
  const isAsked = fields.flag('logprobs')
  const count = fields.integer('top_logprobs')
  checkLogprobForm('top_logprobs', count)
  if (!isAsked && count !== null && count !== 0) {
    const message = 'when using `top_logprobs`, `logprobs` must be set to true.'
    throw badRequest(`${message} (parameter=top_logprobs)`, 'top_logprobs')
  }
  return isAsked ? (count ?? 0) : null
}

/** @throws Refusal where tools and the choice among them do not fit together */
function checkToolChoice(fields: Fields): void {
  const { tools, tool_choice: choice } = fields.body
  if (Array.isArray(tools) && tools.length === 0) {
    throw badRequest(
      '`tools` must not be an empty array. Either provide at least one tool or omit the field entirely. (parameter=tools)',
      'tools',
    )
  }
  if (choice === undefined || choice === null || choice === 'none') return
  if (tools === undefined || tools === null) {
    const message = 'When using `tool_choice`, `tools` must be set.'
    throw badRequest(`${message} (parameter=tool_choice)`, 'tool_choice')
  }
  if (typeof choice === 'string' && choice !== 'auto' && choice !== 'required') {
    const message =
      `Invalid value for \`tool_choice\`: ${choice}! ` +
      'Only named tools, "none", "auto" or "required" are supported.'
    throw badRequest(`${message} (parameter=tool_choice)`, 'tool_choice')
  }
}

/** Tools are not simulated: they are refused as by a server that was started without a tool parser. */
function checkToolParser(fields: Fields): void {
  const { tools, tool_choice: choice = 'auto' } = fields.body
  if (!Array.isArray(tools) || choice === 'none') return
  if (choice === 'required') {
    throw badRequest('tool_choice="required" requires --tool-call-parser to be set')
  }
  if (choice !== null && typeof choice === 'object') {
    const { name } = (choice as { function?: { name?: unknown } }).function ?? {}
    throw badRequest(`tool_choice=function "${String(name)}" requires --tool-call-parser to be set`)
  }
  throw badRequest(
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
  )
}
