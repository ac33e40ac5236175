/** What `/v1/responses` answers mean: named events without `[DONE]`. Pure. */
import { addChunk, endChoice, type Draft } from './draft.ts'
import { asArray, asCount, asObject, asText, type JsonObject } from './json.ts'
import { CHUNK_CONTENT, CHUNK_REASONING, CHUNK_TOOL } from './observation.ts'
import { readIdentity, readResponseUsage, readServerTimes } from './usage.ts'

/** Events that carry new tokens. */
const DELTA_KINDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'response.output_text.delta': CHUNK_CONTENT,
    'response.refusal.delta': CHUNK_CONTENT,
    'response.reasoning_text.delta': CHUNK_REASONING,
    'response.reasoning_summary_text.delta': CHUNK_REASONING,
    'response.function_call_arguments.delta': CHUNK_TOOL,
    'response.custom_tool_call_input.delta': CHUNK_TOOL,
    'response.mcp_call_arguments.delta': CHUNK_TOOL,
    'response.code_interpreter_call_code.delta': CHUNK_TOOL,
  }),
)

export function readResponsesEvent(draft: Draft, value: JsonObject, atUs: number): void {
  const type = asText(value['type']) ?? ''
  const kind = DELTA_KINDS.get(type)
  if (kind !== undefined) {
    const logprobs = asArray(value['logprobs'])
    addChunk(draft, atUs, logprobs.length > 0 ? logprobs.length : null, kind)
  } else if (type === 'error' || (type === '' && value['error'] !== undefined)) {
    draft.isError = true
  } else {
    const response = asObject(value['response'])
    if (response !== null) readResponsesBody(draft, response)
  }
}

/** A whole response, as a body or inside the events that open and close a stream. */
export function readResponsesBody(draft: Draft, value: JsonObject): void {
  readIdentity(draft, value)
  readServerTimes(draft, value['metrics'])
  const usage = asObject(value['usage'])
  if (usage !== null) readResponseUsage(draft, usage)
  const status = asText(value['status'])
  if (status === null || status === 'in_progress' || status === 'queued') return
  const output = asArray(value['output']).map((item) => asObject(item) ?? {})
  if (status === 'failed' || status === 'cancelled') draft.isError = true
  draft.choices.add(0)
  endChoice(draft, 0, reasonOf(status, value, output))
  if (draft.answer !== null) keepOutput(draft.answer, output)
}

function reasonOf(status: string, value: JsonObject, output: readonly JsonObject[]): string {
  if (status === 'failed') return 'error'
  if (status === 'cancelled') return 'abort'
  const reason = asText(asObject(value['incomplete_details'])?.['reason'])
  if (reason === 'max_output_tokens') return 'length'
  if (reason === 'content_filter') return reason
  return output.some((item) => item['type'] === 'function_call') ? 'tool_calls' : 'stop'
}

function keepOutput(answer: NonNullable<Draft['answer']>, output: readonly JsonObject[]): void {
  output.forEach((item, place) => {
    const parts = asArray(item['content']).map((part) => asText(asObject(part)?.['text']) ?? '')
    if (item['type'] === 'message') answer.text += parts.join('')
    if (item['type'] === 'reasoning') answer.reasoning += parts.join('')
    if (item['type'] === 'function_call') {
      answer.calls.set(asCount(item['output_index']) ?? place, {
        id: asText(item['call_id']) ?? '',
        name: asText(item['name']) ?? '',
        arguments: asText(item['arguments']) ?? '',
      })
    }
  })
}
