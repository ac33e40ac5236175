/** `/v1/chat/completions` on the wire. Pure. */
import type { Delta, RequestFigures, Usage } from './call.ts'
import { chatLogprobs, promptLogprobsOf } from './logprobs.ts'
import { DONE_EVENT, type Wire, type WireContext, promptCountOf } from './wire.ts'
import { usageEvent, wholeTail } from './wire-usage.ts'

export function chatWire(context: WireContext): Wire {
  const { call, fingerprint } = context
  const head = `data: {"id":${JSON.stringify(call.id)},"object":"chat.completion.chunk","created":${call.createdSec},"model":${JSON.stringify(call.model)},"choices":[`
  const promptCount = promptCountOf(call)
  const usageJson = (count: number) =>
    call.hasContinuousUsage
      ? `,"usage":{"prompt_tokens":${promptCount},"total_tokens":${promptCount + count},"completion_tokens":${count},"completion_tokens_details":null}`
      : ''
  const promptIds = call.hasTokenIds ? JSON.stringify(call.prompts[0]?.tokens ?? []) : 'null'
  const roles = Array.from(
    { length: call.n },
    (_, index) =>
      `${head}{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]` +
      `${usageJson(0)},"prompt_token_ids":${promptIds},"prompt_text":null}\n\n`,
  )
  const mark = call.hasUsage ? '' : `,"system_fingerprint":${JSON.stringify(fingerprint)}`
  return {
    greeting: '',
    opening: roles.join(''),
    event: (delta) =>
      `${head}${choiceJson(context, delta)}]${usageJson(delta.choiceTokenCount)}` +
      `${delta.finish === null ? '' : mark}}\n\n`,
    closing: (usage, figures) =>
      (call.hasUsage
        ? usageEvent(context, 'chat.completion.chunk', usage, cached(usage), figures)
        : '') + DONE_EVENT,
    whole: (answers, usage, figures) => wholeJson(context, answers, usage, figures),
  }
}

function choiceJson({ call }: WireContext, delta: Delta): string {
  const logprobs =
    call.logprobs === null ? 'null' : JSON.stringify(chatLogprobs(delta.tokens, call.logprobs))
  const finish =
    delta.finish === null
      ? 'null'
      : `${JSON.stringify(delta.finish)},"stop_reason":${JSON.stringify(delta.stopReason)}`
  return (
    `{"index":${delta.choice},"delta":{"content":${JSON.stringify(delta.text)}},"logprobs":${logprobs}` +
    `,"finish_reason":${finish},"token_ids":${call.hasTokenIds ? JSON.stringify(delta.tokens) : 'null'}}`
  )
}

function cached({ cachedTokens }: Usage) {
  return { cached_tokens: cachedTokens, created_cache_tokens: 0 }
}

function wholeJson(
  context: WireContext,
  answers: readonly Delta[],
  usage: Usage,
  figures: RequestFigures | null,
): string {
  const { call } = context
  const ofPrompt = {
    prompt_logprobs: promptLogprobsOf(call, call.prompts[0]?.tokens),
    prompt_token_ids: call.hasTokenIds ? call.prompts[0]?.tokens : null,
    prompt_text: null,
  }
  return JSON.stringify({
    id: call.id,
    object: 'chat.completion',
    created: call.createdSec,
    model: call.model,
    choices: answers.map((answer) => ({
      index: answer.choice,
      message: {
        role: 'assistant',
        content: answer.text,
        refusal: null,
        annotations: null,
        audio: null,
        function_call: null,
        reasoning: null,
      },
      logprobs: call.logprobs === null ? null : chatLogprobs(answer.tokens, call.logprobs),
      finish_reason: answer.finish,
      stop_reason: answer.stopReason,
      token_ids: call.hasTokenIds ? answer.tokens : null,
      routed_experts: null,
    })),
    ...wholeTail(context, usage, ofPrompt, figures),
  })
}
