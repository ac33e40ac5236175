/** What `/v1/chat/completions` answers mean. Pure. */
import {
  listedTokens,
  readChoiceBody,
  readChoiceEvent,
  type ChoicePart,
} from './dialect-completions.ts'
import type { AnswerPieces, Draft } from './draft.ts'
import { asArray, asCount, asObject, asText, type JsonObject } from './json.ts'
import { CHUNK_CONTENT, CHUNK_REASONING, CHUNK_TOOL } from './observation.ts'

export function readChatEvent(draft: Draft, value: JsonObject, atUs: number): void {
  readChoiceEvent(draft, value, atUs, readDeltaChoice)
}

function readDeltaChoice(draft: Draft, choice: JsonObject, index: number): ChoicePart {
  const delta = asObject(choice['delta']) ?? {}
  const reasoning = reasoningOf(delta)
  const content = asText(delta['content']) ?? ''
  const calls = asArray(delta['tool_calls'])
  if (index === 0 && draft.answer !== null) keepDelta(draft.answer, delta)
  return {
    index,
    tokens: listedTokens(draft, choice, index),
    hasText: content !== '' || reasoning !== '' || calls.length > 0 || hasOldCall(delta),
    // The first event of a choice names its role and holds no token.
    isOpen: delta['role'] === undefined,
    kind: kindOf(content, reasoning, calls.length > 0 || hasOldCall(delta)),
  }
}

function kindOf(content: string, reasoning: string, isCall: boolean): number {
  if (content !== '') return CHUNK_CONTENT
  if (reasoning !== '') return CHUNK_REASONING
  return isCall ? CHUNK_TOOL : CHUNK_CONTENT
}

/** vLLM's name now, and the one it and others used before. */
function reasoningOf(message: JsonObject): string {
  return asText(message['reasoning']) ?? asText(message['reasoning_content']) ?? ''
}

/** The form of tool calls before there were several. */
function hasOldCall(message: JsonObject): boolean {
  return asObject(message['function_call']) !== null
}

function keepDelta(answer: AnswerPieces, message: JsonObject): void {
  answer.text += asText(message['content']) ?? ''
  answer.reasoning += reasoningOf(message)
  asArray(message['tool_calls']).forEach((entry, place) => {
    const call = asObject(entry)
    const named = asObject(call?.['function'])
    const index = asCount(call?.['index']) ?? place
    const kept = answer.calls.get(index) ?? { id: '', name: '', arguments: '' }
    kept.id += asText(call?.['id']) ?? ''
    kept.name += asText(named?.['name']) ?? ''
    kept.arguments += asText(named?.['arguments']) ?? ''
    answer.calls.set(index, kept)
  })
}

export function readChatBody(draft: Draft, value: JsonObject): void {
  readChoiceBody(draft, value, (choice, index) => {
    listedTokens(draft, choice, index)
    const message = asObject(choice['message'])
    if (index === 0 && message !== null && draft.answer !== null) keepDelta(draft.answer, message)
  })
}
