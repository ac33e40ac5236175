/** A whole request body → sizes and prefix blocks; the body is dropped at once. Pure. */
import { describeRequest } from '../stream/request-facts.ts'
import { renderPrompt } from '../stream/render-prompt.ts'
import type { EndpointName, RequestRow } from '../trace/columns.ts'
import { isRecord, optionalText, type JsonRecord } from './fields.ts'
import type { ImportContext } from './importer.ts'
import { hashingOf } from './block-ids.ts'

export type BodyFacts = Readonly<{
  cells: Partial<RequestRow>
  /** Bytes that the prefix blocks are cut from; null where there is no single prompt. */
  prompt: Buffer | null
}>

/** What the recorder would have kept of this body. */
export function bodyFacts(endpoint: EndpointName, body: JsonRecord): BodyFacts {
  const bytes = Buffer.from(JSON.stringify(body))
  const facts = describeRequest(endpoint, bytes, false)
  return {
    prompt: renderPrompt(endpoint, body),
    cells: {
      endpoint,
      stream: facts.isStream,
      maxTokens: facts.maxTokens,
      n: facts.n,
      inputCount: facts.inputCount,
      priority: facts.priority,
      params: facts.params,
      tools: facts.tools,
      toolBytes: facts.toolBytes,
      imageSizes: facts.imageSizes,
      requestBytes: bytes.length,
      model: facts.model,
    },
  }
}

/** Which of the endpoints a body without its path is for. */
export function endpointOfBody(body: JsonRecord): EndpointName {
  if (Array.isArray(body['messages'])) return 'chat'
  if ('prompt' in body) return 'completions'
  return 'input' in body ? 'responses' : 'other'
}

/** Prompt and answer of `usage` in any dialect; nulls where it is not there. */
export function usageOf(
  usage: unknown,
): Pick<RequestRow, 'promptTokens' | 'outputTokens' | 'cachedTokens' | 'reasoningTokens'> {
  const told = isRecord(usage) ? usage : {}
  const input = isRecord(told['prompt_tokens_details']) ? told['prompt_tokens_details'] : {}
  const output = isRecord(told['completion_tokens_details'])
    ? told['completion_tokens_details']
    : {}
  return {
    promptTokens: count(told['prompt_tokens'] ?? told['input_tokens']),
    outputTokens: count(told['completion_tokens'] ?? told['output_tokens']),
    cachedTokens: count(input['cached_tokens'] ?? told['cache_read_input_tokens']),
    reasoningTokens: count(output['reasoning_tokens']),
  }
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** Writes the row and its prefix; without a count the prompt's tokens are estimated. */
export function writeBodyRow(
  context: ImportContext,
  timeUs: number,
  facts: BodyFacts,
  cells: Partial<RequestRow>,
): number {
  const promptBytes = facts.prompt?.length ?? 0
  const told = cells.promptTokens ?? null
  const promptTokens = told ?? (promptBytes > 0 ? context.text.estimate(promptBytes) : null)
  if (told === null) context.note('rows without usage have tokens estimated from bytes')
  const seq = context.sink.row(timeUs, {
    ...facts.cells,
    tokenSource: told === null ? 'estimate' : 'server',
    ...cells,
    ...(promptTokens === null ? {} : { promptTokens }),
  })
  if (facts.prompt !== null && promptTokens !== null) {
    context.header.hashing = hashingOf(null)
    context.text.add(facts.prompt, promptTokens)
  }
  return seq
}

/** `finish_reason` of the first choice, or of the whole answer. */
export function finishOf(response: JsonRecord): string | null {
  const choices = response['choices']
  const first: unknown = Array.isArray(choices) ? choices[0] : null
  const told = isRecord(first) ? first['finish_reason'] : response['stop_reason']
  return optionalText(told)
}
