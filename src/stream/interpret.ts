/** Turns the bytes of an answer into what it was. Never throws on traffic. Pure. */
import type { EndpointName, OutcomeName } from '../trace/columns.ts'
import { readChatBody, readChatEvent } from './dialect-chat.ts'
import { readCompletionBody, readCompletionEvent } from './dialect-completions.ts'
import { readEmbeddingsBody } from './dialect-embeddings.ts'
import { readMessagesBody, readMessagesEvent } from './dialect-messages.ts'
import { readResponsesBody, readResponsesEvent } from './dialect-responses.ts'
import { dropEmptyEnds, firstContentAtUs, newDraft, type Draft } from './draft.ts'
import { eventData, isErrorNamed } from './event-data.ts'
import { eachEvent, wireBytes } from './kept-events.ts'
import { EventTemplate } from './event-template.ts'
import { inflate } from './inflate.ts'
import { asObject, parseJson, type JsonObject } from './json.ts'
import type { AnswerCapture, InterpretOptions, Observation } from './observation.ts'
import { packedTimes, type PackedTimes } from './packed-stream.ts'
import { SseSplitter } from './sse-splitter.ts'

type Dialect = Readonly<{
  readEvent: (draft: Draft, value: JsonObject, atUs: number) => void
  readBody: (draft: Draft, value: JsonObject) => void
  /** Its events hold choices, most of them alike but for a text. */
  hasChoices?: boolean
}>

const ignore = (): void => undefined

const DIALECTS: Readonly<Record<EndpointName, Dialect>> = {
  chat: { readEvent: readChatEvent, readBody: readChatBody, hasChoices: true },
  completions: { readEvent: readCompletionEvent, readBody: readCompletionBody, hasChoices: true },
  responses: { readEvent: readResponsesEvent, readBody: readResponsesBody },
  messages: { readEvent: readMessagesEvent, readBody: readMessagesBody },
  embeddings: { readEvent: ignore, readBody: readEmbeddingsBody },
  other: { readEvent: ignore, readBody: ignore },
}

export function interpret(capture: AnswerCapture, options: InterpretOptions): Observation {
  const draft = newDraft(options.keepAnswer)
  const dialect = DIALECTS[options.endpoint]
  const isRead = capture.status >= 200 && capture.status < 300 && options.endpoint !== 'other'
  const {
    isEvents: events,
    seenShare,
    packed,
  } = isRead ? readAnswer(capture, dialect, draft) : UNREAD
  dropEmptyEnds(draft)
  const hasMeaning = isRead && (draft.choices.size > 0 || draft.promptTokens !== null)
  return {
    ...tokensOf(draft, events),
    ...timesOf(draft),
    ...packed,
    status: capture.status,
    outcome: outcomeOf(capture, draft, events && options.endpoint !== 'embeddings'),
    finishReason: draft.finishReason,
    hasStopReason: draft.hasStopReason,
    headersAtUs: capture.headersAtUs,
    endAtUs: capture.endAtUs,
    model: hasMeaning || draft.chunks.count > 0 ? draft.model : null,
    fingerprint: draft.fingerprint,
    responseId: draft.responseId,
    bodyBytes: capture.bodyBytes,
    seenShare,
    serverQueueUs: draft.serverQueueUs,
    serverTtftUs: draft.serverTtftUs,
    serverGenerateUs: draft.serverGenerateUs,
    ...answerOf(draft),
  }
}

function answerOf({
  answer,
}: Draft): Pick<Observation, 'answerText' | 'answerReasoning' | 'answerCalls' | 'answerTokenIds'> {
  if (answer === null) {
    return { answerText: null, answerReasoning: null, answerCalls: null, answerTokenIds: null }
  }
  return {
    answerText: answer.text,
    answerReasoning: answer.reasoning,
    answerCalls: [...answer.calls.values()],
    answerTokenIds: answer.tokenIds.length === 0 ? null : Uint32Array.from(answer.tokenIds),
  }
}

type Reading = Readonly<{
  isEvents: boolean
  seenShare: number
  /** Set where the events came packed. */
  packed?: PackedTimes
}>

const UNREAD: Reading = { isEvents: false, seenShare: 1 }

function readAnswer(capture: AnswerCapture, dialect: Dialect, draft: Draft): Reading {
  const { isEvents, isCut } = capture
  const keptBytes = isCut && isEvents ? wireBytes(capture.body) : capture.body.byteLength
  const seenShare = isCut ? keptBytes / Math.max(1, capture.bodyBytes) : 1
  if (isEvents) {
    readEvents(capture.body, dialect, draft)
    return { isEvents: true, seenShare }
  }
  const body = inflate(capture.body, capture.contentEncoding)
  if (body === null) return { isEvents: false, seenShare: 0 }
  if (capture.contentType.startsWith('text/event-stream')) {
    const splitter = new SseSplitter()
    splitter.push(bufferOf(body), 0, body.byteLength, capture.endAtUs)
    splitter.finish(capture.endAtUs)
    readEvents(splitter.log.bytes, dialect, draft)
    splitter.release()
    return { isEvents: true, seenShare, packed: packedTimes(capture, draft.chunks.count > 0) }
  }
  const value = capture.isCut ? null : asObject(parseJson(bufferOf(body).toString('utf8')))
  if (value !== null) dialect.readBody(draft, value)
  return { isEvents: false, seenShare }
}

function readEvents(body: Uint8Array, dialect: Dialect, draft: Draft): void {
  const template = dialect.hasChoices === true ? new EventTemplate() : null
  eachEvent(bufferOf(body), (bytes, from, to, atUs) => {
    if (template?.read(draft, bytes, from, to, atUs) === true) return
    const value = readEvent(dialect, draft, bytes, from, to, atUs)
    if (value !== null) template?.learn(value, bytes, from, to)
  })
}

/** @returns what the event held; null where it was no JSON */
function readEvent(
  dialect: Dialect,
  draft: Draft,
  bytes: Buffer,
  from: number,
  to: number,
  atUs: number,
): JsonObject | null {
  const data = eventData(bytes, from, to)
  const isDone = data.trim() === '[DONE]'
  if (isDone) draft.isDone = true
  if (isErrorNamed(bytes, from, to)) draft.isError = true
  // The end mark is no JSON, and finding that out by parsing costs as much as ten events.
  const value = data === '' || isDone ? null : asObject(parseJson(data))
  if (value !== null) dialect.readEvent(draft, value, atUs)
  return value
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

type TokenFields = Pick<
  Observation,
  | 'chunkTokens'
  | 'chunkTokensExact'
  | 'promptTokens'
  | 'cachedTokens'
  | 'outputTokens'
  | 'reasoningTokens'
  | 'tokenSource'
>

/** The server's total wins; without it each event counts as what it said, or as one token. */
function tokensOf(draft: Draft, isStream: boolean): TokenFields {
  const chunkTokens = draft.chunks.tokens
  const counted = chunkTokens.reduce((sum, tokens) => sum + tokens, 0)
  const running = [...draft.runningTokens.values()].reduce((sum, tokens) => sum + tokens, 0)
  // A running usage counts one choice; only a last one without choices has the sum.
  const total =
    draft.runningTokens.size > 1 ? Math.max(draft.outputTokens ?? 0, running) : draft.outputTokens
  const isExact = draft.isExact && chunkTokens.length > 0 && (total === null || total === counted)
  if (!isExact) chunkTokens.fill(1)
  const isCounted = isStream && chunkTokens.length > 0
  return {
    chunkTokens,
    chunkTokensExact: isExact,
    promptTokens: draft.promptTokens,
    cachedTokens: draft.cachedTokens,
    outputTokens: outputOf(total, isCounted, isExact ? counted : chunkTokens.length),
    reasoningTokens: draft.reasoningTokens,
    tokenSource: sourceOf(total !== null || (isExact && isCounted), isCounted),
  }
}

/** Counts that came with each event are the server's own, too. */
function sourceOf(isServer: boolean, isCounted: boolean): Observation['tokenSource'] {
  if (isServer) return 'server'
  return isCounted ? 'stream' : null
}

function outputOf(total: number | null, isCounted: boolean, counted: number): number | null {
  return total ?? (isCounted ? counted : null)
}

function timesOf(
  draft: Draft,
): Pick<
  Observation,
  'chunkAtUs' | 'chunkKinds' | 'firstTokenAtUs' | 'firstContentAtUs' | 'lastTokenAtUs'
> {
  const chunkAtUs = draft.chunks.atUs
  const chunkKinds = draft.chunks.kinds
  return {
    chunkAtUs,
    chunkKinds,
    firstTokenAtUs: chunkAtUs[0] ?? null,
    firstContentAtUs: firstContentAtUs(chunkAtUs, chunkKinds),
    lastTokenAtUs: chunkAtUs.at(-1) ?? null,
  }
}

function outcomeOf(capture: AnswerCapture, draft: Draft, isStream: boolean): OutcomeName {
  if (capture.status >= 400) return 'http_error'
  if (draft.isError) return 'stream_error'
  // An end mark is the server's own word for a whole answer, though most give a reason, too.
  const isFinished =
    draft.choices.size > 0 &&
    (draft.isDone || [...draft.choices].every((index) => draft.finishedChoices.has(index)))
  switch (capture.end) {
    case 'complete':
      return !isStream || capture.isCut || isFinished ? 'ok' : 'truncated'
    case 'hangup':
      // Many clients leave at the finish reason and do not wait for the end mark: all was generated.
      return isStream && isFinished ? 'ok' : 'client_abort'
    case 'fin':
      return 'truncated'
    case 'reset':
      return 'upstream_reset'
    case 'timeout':
    default:
      return 'timeout'
  }
}
