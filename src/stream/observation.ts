/**
 * What one request's answer was, seen from outside: the same for the recorder and the replayer.
 * Times are absolute µs of the observing clock; rows store them relative to *sent*. Types only.
 */
import type { EndpointName, OutcomeName } from '../trace/columns.ts'

/** How the connection carried the answer to its end. */
export type AnswerEnd =
  | 'complete' // framing says the message is whole
  | 'fin' // the server closed early
  | 'reset' // the server reset the connection
  | 'hangup' // our side or the client left
  | 'timeout' // we gave up

/** The answer as it lay on the wire, framing removed, before any JSON was parsed. */
export type AnswerCapture = {
  status: number
  /** Lower-case names; only those that the observer needs. */
  contentType: string
  contentEncoding: string
  /** Seconds or a date, as sent; '' where the server asks for no wait. */
  retryAfter: string
  headersAtUs: number
  /** Body bytes that were kept, de-chunked; for streams what `EventLog` keeps of whole events. */
  body: Uint8Array
  /** Bytes of the body on the wire, kept or not. */
  bodyBytes: number
  /** `body` is what `eachEvent` reads: events and when they came. */
  isEvents: boolean
  /** For compressed event streams: how much of `body` was there, and when, in pairs for its first pieces. */
  packedMarks?: Float64Array
  /** Kept bytes are only the head of the body: a limit was passed. */
  isCut: boolean
  endAtUs: number
  end: AnswerEnd
}

export const CHUNK_CONTENT = 0
export const CHUNK_REASONING = 1
export const CHUNK_TOOL = 2

/** What a capture means in its dialect. */
export type Observation = {
  status: number
  outcome: OutcomeName
  finishReason: string | null
  headersAtUs: number | null
  firstTokenAtUs: number | null
  firstContentAtUs: number | null
  lastTokenAtUs: number | null
  endAtUs: number
  /** Absolute times of token-bearing events, their token counts and kinds. */
  chunkAtUs: Float64Array
  chunkTokens: Uint32Array
  chunkKinds: Uint8Array
  /** True if each event's count is the server's (token ids or continuous usage), not "one each". */
  chunkTokensExact: boolean
  promptTokens: number | null
  cachedTokens: number | null
  outputTokens: number | null
  reasoningTokens: number | null
  /** 'server' where usage was sent; 'stream' where events were counted; null where neither. */
  tokenSource: 'server' | 'stream' | null
  /** Choices name a stop reason, as vLLM's do. */
  hasStopReason: boolean
  model: string | null
  fingerprint: string | null
  responseId: string | null
  bodyBytes: number
  /** How much of the body was looked at: 1 is all; less where it passed a limit or stayed packed. */
  seenShare: number
  serverQueueUs: number | null
  serverTtftUs: number | null
  serverGenerateUs: number | null
  /** Text of the answer as the next turn would quote it; only if asked for, never stored. */
  answerText: string | null
  answerReasoning: string | null
  answerCalls: readonly Readonly<{ id: string; name: string; arguments: string }>[] | null
  answerTokenIds: Uint32Array | null
}

/** `interpret(capture, endpoint, options)` in `interpret.ts` turns one into the other. */
export type InterpretOptions = Readonly<{
  endpoint: EndpointName
  isStream: boolean
  keepAnswer: boolean
}>
