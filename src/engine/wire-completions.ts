/** `/v1/completions` on the wire. Pure. */
import type { Call, Delta, RequestFigures, Usage } from './call.ts'
import { completionLogprobs, promptLogprobsOf, shownLength } from './logprobs.ts'
import { DONE_EVENT, type Wire, type WireContext, promptCountOf } from './wire.ts'
import { usageEvent, wholeTail } from './wire-usage.ts'

export function completionsWire(context: WireContext): Wire {
  const { call, fingerprint } = context
  const head = `data: {"id":${JSON.stringify(call.id)},"object":"text_completion","created":${call.createdSec},"model":${JSON.stringify(call.model)},"choices":[`
  // Characters shown so far of each choice, for the offsets beside its log probabilities.
  const offsets: number[] = []
  return {
    greeting: '',
    opening: '',
    event: (delta) => {
      const usage = call.hasContinuousUsage ? `,"usage":${deltaUsage(context, delta)}` : ''
      const mark =
        delta.finish !== null && !call.hasUsage
          ? `,"system_fingerprint":${JSON.stringify(fingerprint)}`
          : ''
      return `${head}${choiceJson(context, delta, offsets)}]${usage}${mark}}\n\n`
    },
    closing: (usage, figures) =>
      (call.hasUsage ? usageEvent(context, 'text_completion', usage, cached(usage), figures) : '') +
      DONE_EVENT,
    whole: (answers, usage, figures) => wholeJson(context, answers, usage, figures),
  }
}

/** What an event or an answer shows: with `echo` its first tokens are the prompt's. */
type Shown = Readonly<{ text: string; tokens: readonly number[] }>

function shownOf(call: Call, delta: Delta, isFirst: boolean): Shown {
  if (!isFirst || !call.hasEcho) return delta
  const prompt = call.prompts[Math.floor(delta.choice / call.n)]
  const tokens = prompt?.tokens ?? []
  // vLLM leaves the echoed text out where token ids are asked for: the ids say it.
  const text = call.hasTokenIds ? '' : (prompt?.text ?? '')
  if (call.isPromptOnly) return { text, tokens }
  return { text: text + delta.text, tokens: [...tokens, ...delta.tokens] }
}

function choiceJson({ call }: WireContext, delta: Delta, offsets: number[]): string {
  const isFirst = delta.choiceTokenCount === delta.tokens.length
  const shown = shownOf(call, delta, isFirst)
  const offset = offsets[delta.choice] ?? 0
  let logprobs = 'null'
  if (call.logprobs !== null) {
    const isFromStart = isFirst && call.hasEcho
    const values = completionLogprobs(shown.tokens, call.logprobs, offset, isFromStart)
    logprobs = JSON.stringify(values)
    offsets[delta.choice] = offset + shownLength(shown.tokens)
  }
  const prompt = call.prompts[Math.floor(delta.choice / call.n)]
  const promptIds = isFirst && (call.hasTokenIds || call.hasEcho) ? prompt?.tokens : null
  return (
    `{"index":${delta.choice},"text":${JSON.stringify(shown.text)},"logprobs":${logprobs}` +
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
      const { text, tokens } = shownOf(call, answer, true)
      return {
        index: answer.choice,
        text,
        logprobs:
          call.logprobs === null
            ? null
            : completionLogprobs(tokens, call.logprobs, 0, call.hasEcho),
        finish_reason: answer.finish,
        stop_reason: answer.stopReason,
        token_ids: call.hasTokenIds ? answer.tokens : null,
        prompt_logprobs: promptLogprobsOf(call, prompt?.tokens),
        prompt_token_ids: call.hasTokenIds ? prompt?.tokens : null,
        routed_experts: null,
      }
    }),
    ...wholeTail(context, usage, {}, figures),
  })
}
