/** What `/v1/completions` answers mean, and what it shares with chat. Pure. */
import { addChunk, addEmptyEnd, endChoice, finishReasonOf, type Draft } from './draft.ts'
import { asArray, asCount, asObject, asText, type JsonObject } from './json.ts'
import { CHUNK_CONTENT } from './observation.ts'
import { isBlank, readIdentity, readServerTimes, readUsage } from './usage.ts'

/** One choice of one event, as far as both dialects agree. */
export type ChoicePart = Readonly<{
  index: number
  /** The event's new tokens by id, by log-probabilities, else null. */
  tokens: number | null
  hasText: boolean
  /** It can stand for a token even without text. */
  isOpen: boolean
  kind: number
}>

type EndedPart = ChoicePart & Readonly<{ isEnd: boolean }>

export function readCompletionEvent(draft: Draft, value: JsonObject, atUs: number): void {
  readChoiceEvent(draft, value, atUs, readTextChoice)
}

/**
 * One event of chat or completions. An event is one chunk, whichever choices it holds; its tokens
 * are those that ids, log-probabilities or a running usage say, else it is taken as one.
 */
export function readChoiceEvent(
  draft: Draft,
  value: JsonObject,
  atUs: number,
  readChoice: (draft: Draft, choice: JsonObject, index: number) => ChoicePart,
): void {
  readIdentity(draft, value)
  if (isErrorEvent(value)) draft.isError = true
  readServerTimes(draft, value['metrics'])
  const usage = asObject(value['usage'])
  const parts = asArray(value['choices']).flatMap((entry, place) => {
    const choice = asObject(entry)
    return choice === null ? [] : [readPart(draft, choice, place, readChoice)]
  })
  if (parts.length === 0) {
    if (usage !== null) readUsage(draft, usage)
    return
  }
  const running = usage === null ? null : runningDelta(draft, usage, parts)
  addParts(draft, parts, running, atUs)
}

/** @param running new tokens by a running usage */
function addParts(
  draft: Draft,
  parts: readonly EndedPart[],
  running: number | null,
  atUs: number,
): void {
  const tokens = sumOrNull(parts.map((part) => part.tokens)) ?? running
  const kind = parts.find((part) => part.hasText)?.kind
  if (kind !== undefined || (tokens !== null && tokens > 0)) {
    addChunk(draft, atUs, tokens, kind ?? draft.chunks.lastKind)
  } else if (tokens === null && parts.some((part) => part.isOpen && part.tokens !== 0)) {
    if (parts.every((part) => part.isEnd)) addEmptyEnd(draft, atUs)
    else addChunk(draft, atUs, null, draft.chunks.lastKind)
  }
}

function readPart(
  draft: Draft,
  choice: JsonObject,
  place: number,
  readChoice: (draft: Draft, choice: JsonObject, index: number) => ChoicePart,
): EndedPart {
  const index = asCount(choice['index']) ?? place
  draft.choices.add(index)
  const part = readChoice(draft, choice, index)
  if (choice['stop_reason'] !== undefined) draft.hasStopReason = true
  return { ...part, isEnd: noteFinish(draft, choice, index) }
}

/** Also the form in which vLLM once sent errors. */
function isErrorEvent(value: JsonObject): boolean {
  return (value['error'] !== undefined && value['error'] !== null) || value['object'] === 'error'
}

/** A usage on every event counts one choice's tokens so far. */
function runningDelta(
  draft: Draft,
  usage: JsonObject,
  parts: readonly ChoicePart[],
): number | null {
  readUsage(draft, usage)
  const total = isBlank(usage) ? null : asCount(usage['completion_tokens'])
  const [part] = parts
  if (total === null || part === undefined || parts.length > 1) return null
  const before = draft.runningTokens.get(part.index) ?? 0
  draft.runningTokens.set(part.index, total)
  return total >= before ? total - before : null
}

function sumOrNull(counts: readonly (number | null)[]): number | null {
  return counts.reduce((sum, count) => (sum === null || count === null ? null : sum + count), 0)
}

/** Tokens of one choice's part, if it lists them. */
export function listedTokens(draft: Draft, choice: JsonObject, index: number): number | null {
  const ids = choice['token_ids']
  if (Array.isArray(ids)) {
    if (index === 0 && draft.answer !== null) {
      for (const id of ids) draft.answer.tokenIds.push(asCount(id) ?? 0)
    }
    return ids.length
  }
  const logprobs = asObject(choice['logprobs'])
  // Only a prompt's first token has no probability: the prompt is echoed here, before one new token.
  if (asArray(logprobs?.['token_logprobs'])[0] === null) return 1
  const listed = logprobs?.['content'] ?? logprobs?.['tokens']
  return Array.isArray(listed) && listed.length > 0 ? listed.length : null
}

function readTextChoice(draft: Draft, choice: JsonObject, index: number): ChoicePart {
  const text = asText(choice['text'])
  if (index === 0 && draft.answer !== null) draft.answer.text += text ?? ''
  return {
    index,
    tokens: listedTokens(draft, choice, index),
    hasText: text !== null && text !== '',
    isOpen: true,
    kind: CHUNK_CONTENT,
  }
}

export function readCompletionBody(draft: Draft, value: JsonObject): void {
  readChoiceBody(draft, value, (choice, index) => {
    listedTokens(draft, choice, index)
    if (index === 0 && draft.answer !== null) draft.answer.text += asText(choice['text']) ?? ''
  })
}

/** A whole answer of chat or completions. */
export function readChoiceBody(
  draft: Draft,
  value: JsonObject,
  readChoice: (choice: JsonObject, index: number) => void,
): void {
  readIdentity(draft, value)
  readServerTimes(draft, value['metrics'])
  const usage = asObject(value['usage'])
  if (usage !== null) readUsage(draft, usage)
  asArray(value['choices']).forEach((entry, place) => {
    const choice = asObject(entry)
    if (choice === null) return
    const index = asCount(choice['index']) ?? place
    readChoice(choice, index)
    noteFinish(draft, choice, index)
  })
}

/** Some servers write '' where others write null. @returns true if the choice ends here */
function noteFinish(draft: Draft, choice: JsonObject, index: number): boolean {
  const reason = asText(choice['finish_reason'])
  if (reason === null || reason === '') return false
  endChoice(draft, index, finishReasonOf(reason))
  return true
}
