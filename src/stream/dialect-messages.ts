/** What `/v1/messages` answers mean: content blocks that open, grow and close. Pure. */
import { addChunk, endChoice, type AnswerPieces, type Draft } from './draft.ts'
import { asArray, asCount, asObject, asText, type JsonObject } from './json.ts'
import { CHUNK_CONTENT, CHUNK_REASONING, CHUNK_TOOL } from './observation.ts'
import { readIdentity, readMessageUsage } from './usage.ts'

const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  }),
)

/** A `signature_delta` holds no token. */
const DELTA_KINDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    text_delta: CHUNK_CONTENT,
    thinking_delta: CHUNK_REASONING,
    input_json_delta: CHUNK_TOOL,
  }),
)

export function readMessagesEvent(draft: Draft, value: JsonObject, atUs: number): void {
  switch (asText(value['type']) ?? '') {
    case 'message_start': {
      const message = asObject(value['message'])
      if (message !== null) readMessageHead(draft, message)
      // Its usage says 0 tokens out, since none are made yet.
      draft.outputTokens = null
      break
    }
    case 'content_block_start':
      if (draft.answer !== null) keepBlock(draft.answer, value['content_block'], value['index'])
      break
    case 'content_block_delta':
      readDelta(draft, value, atUs)
      break
    case 'message_delta':
      readEnd(draft, asObject(value['delta'])?.['stop_reason'], value['usage'])
      break
    case 'error':
      draft.isError = true
      break
    default:
      if (value['error'] !== undefined && value['error'] !== null) draft.isError = true
  }
}

export function readMessagesBody(draft: Draft, value: JsonObject): void {
  readMessageHead(draft, value)
  readEnd(draft, value['stop_reason'], value['usage'])
  const { answer } = draft
  if (answer !== null) {
    asArray(value['content']).forEach((block, index) => keepBlock(answer, block, index))
  }
}

function readMessageHead(draft: Draft, message: JsonObject): void {
  readIdentity(draft, message)
  draft.choices.add(0)
  const usage = asObject(message['usage'])
  if (usage !== null) readMessageUsage(draft, usage)
}

function readEnd(draft: Draft, reason: unknown, usage: unknown): void {
  const counts = asObject(usage)
  if (counts !== null) readMessageUsage(draft, counts)
  const word = asText(reason)
  if (word !== null) endChoice(draft, 0, REASONS.get(word) ?? 'other')
}

function readDelta(draft: Draft, value: JsonObject, atUs: number): void {
  const delta = asObject(value['delta']) ?? {}
  const kind = DELTA_KINDS.get(asText(delta['type']) ?? '')
  if (kind === undefined) return
  addChunk(draft, atUs, null, kind)
  const { answer } = draft
  if (answer === null) return
  answer.text += asText(delta['text']) ?? ''
  answer.reasoning += asText(delta['thinking']) ?? ''
  const call = answer.calls.get(asCount(value['index']) ?? 0)
  if (call !== undefined) call.arguments += asText(delta['partial_json']) ?? ''
}

function keepBlock(answer: AnswerPieces, block: unknown, index: unknown): void {
  const { type, text, thinking, id, name, input } = asObject(block) ?? {}
  if (type === 'text') answer.text += asText(text) ?? ''
  if (type === 'thinking') answer.reasoning += asText(thinking) ?? ''
  if (type === 'tool_use') {
    // A stream opens a call with an empty input and sends the rest in pieces.
    const isEmpty = Object.keys(asObject(input) ?? {}).length === 0
    answer.calls.set(asCount(index) ?? 0, {
      id: asText(id) ?? '',
      name: asText(name) ?? '',
      arguments: isEmpty ? '' : JSON.stringify(input),
    })
  }
}
