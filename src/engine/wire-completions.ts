/** `/v1/completions` on the wire. Pure. */
import type { Delta, RequestFigures, Usage } from './call.ts'
import { completionLogprobs } from './logprobs.ts'
import { DONE_EVENT, type Wire, type WireContext, promptCountOf } from './wire.ts'
import { usageEvent, wholeTail } from './wire-usage.ts'

export function completionsWire(context: WireContext): Wire {
  const { call, fingerprint } = context
  const head = `data: {"id":${JSON.stringify(call.id)},"object":"text_completion","created":${call.createdSec},"model":${JSON.stringify(call.model)},"choices":[`
  const textLengths: number[] = []
  return {
    greeting: '',
    opening: '',
    event: (delta) => {
      const before = textLengths[delta.choice] ?? 0
      textLengths[delta.choice] = before + delta.text.length
      const usage = call.hasContinuousUsage ? `,"usage":${deltaUsage(context, delta)}` : ''
      const mark =
        delta.finish !== null && !call.hasUsage
          ? `,"system_fingerprint":${JSON.stringify(fingerprint)}`
          : ''
      return `${head}${choiceJson(context, delta, before)}]${usage}${mark}}\n\n`
    },
    closing: (usage, figures) =>
      (call.hasUsage ? usageEvent(context, 'text_completion', usage, cached(usage), figures) : '') +
      DONE_EVENT,
    whole: (answers, usage, figures) => wholeJson(context, answers, usage, figures),
  }
}

function choiceJson({ call }: WireContext, delta: Delta, textBefore: number): string {
  const isFirst = delta.choiceTokenCount === delta.tokens.length
  const prompt = call.prompts[Math.floor(delta.choice / call.n)]
  // vLLM leaves the echoed text out where token ids are asked for: the ids say it.
  const echo = isFirst && call.hasEcho && !call.hasTokenIds ? (prompt?.text ?? '') : ''
  const logprobs =
    call.logprobs === null
      ? 'null'
      : JSON.stringify(completionLogprobs(delta.tokens, call.logprobs, textBefore))
  const promptIds = isFirst && (call.hasTokenIds || call.hasEcho) ? prompt?.tokens : null
  return (
    `{"index":${delta.choice},"text":${JSON.stringify(echo + delta.text)},"logprobs":${logprobs}` +
    `,"finish_reason":${JSON.stringify(delta.finish)},"stop_reason":${JSON.stringify(delta.stopReason)}` +
    `,"prompt_token_ids":${JSON.stringify(promptIds ?? null)}` +
    `,"token_ids":${call.hasTokenIds ? JSON.stringify(delta.tokens) : 'null'}}`
  )
}

function deltaUsage({ call }: WireContext, delta: Delta): string {
  const promptCount = promptCountOf(call, delta.choice)
  const count = delta.choiceTokenCount
  return `{"prompt_tokens":${promptCount},"total_tokens":${promptCount + count},"completion_tokens":${count}}`
}

function cached({ cachedTokens }: Usage) {
  return { cached_tokens: cachedTokens }
}

function wholeJson(
  context: WireContext,
  answers: readonly Delta[],
  usage: Usage,
  figures: RequestFigures | null,
): string {
  const { call } = context
  return JSON.stringify({
    id: call.id,
    object: 'text_completion',
    created: call.createdSec,
    model: call.model,
    choices: answers.map((answer) => {
      const prompt = call.prompts[Math.floor(answer.choice / call.n)]
      const echo = call.hasEcho && !call.hasTokenIds ? (prompt?.text ?? '') : ''
      return {
        index: answer.choice,
        text: echo + answer.text,
        logprobs:
          call.logprobs === null ? null : completionLogprobs(answer.tokens, call.logprobs, 0),
        finish_reason: answer.finish,
        stop_reason: answer.stopReason,
        token_ids: call.hasTokenIds ? answer.tokens : null,
        prompt_logprobs: null,
        prompt_token_ids: call.hasTokenIds ? prompt?.tokens : null,
        routed_experts: null,
      }
    }),
    ...wholeTail(context, usage, {}, figures),
  })
}
