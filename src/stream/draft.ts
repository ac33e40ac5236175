/** What the dialects find out about one answer, event by event, before it is an Observation. Pure. */
import { CHUNK_CONTENT, CHUNK_REASONING } from './observation.ts'

const FIRST_CHUNKS = 64

/** Token-bearing events in order of arrival. */
export class ChunkList {
  // Most answers that are no stream have none.
  #atUs = new Float64Array(0)
  #tokens = new Uint32Array(0)
  #kinds = new Uint8Array(0)
  count = 0

  add(atUs: number, tokens: number, kind: number): void {
    if (this.count === this.#atUs.length) this.#grow()
    this.#atUs[this.count] = atUs
    this.#tokens[this.count] = tokens
    this.#kinds[this.count] = kind
    this.count += 1
  }

  get atUs(): Float64Array {
    return this.#atUs.slice(0, this.count)
  }

  get tokens(): Uint32Array {
    return this.#tokens.slice(0, this.count)
  }

  get kinds(): Uint8Array {
    return this.#kinds.slice(0, this.count)
  }

  /** Kind of the latest chunk: what an event that only holds token ids belongs to. */
  get lastKind(): number {
    return this.count === 0 ? CHUNK_CONTENT : (this.#kinds[this.count - 1] ?? CHUNK_CONTENT)
  }

  /** Takes out the chunks at these places. @param places ascending */
  drop(places: readonly number[]): void {
    const dropped = new Set(places)
    let kept = 0
    for (let at = 0; at < this.count; at += 1) {
      if (dropped.has(at)) continue
      this.#atUs[kept] = this.#atUs[at] ?? 0
      this.#tokens[kept] = this.#tokens[at] ?? 0
      this.#kinds[kept] = this.#kinds[at] ?? 0
      kept += 1
    }
    this.count = kept
  }

  #grow(): void {
    const length = Math.max(FIRST_CHUNKS, this.#atUs.length * 2)
    const [atUs, tokens, kinds] = [this.#atUs, this.#tokens, this.#kinds]
    this.#atUs = new Float64Array(length)
    this.#tokens = new Uint32Array(length)
    this.#kinds = new Uint8Array(length)
    this.#atUs.set(atUs)
    this.#tokens.set(tokens)
    this.#kinds.set(kinds)
  }
}

export type AnswerCall = { id: string; name: string; arguments: string }

/** The first choice of an answer in pieces, only while it is read, never stored. */
export type AnswerPieces = {
  text: string
  reasoning: string
  /** By the index that the server gave. */
  calls: Map<number, AnswerCall>
  tokenIds: number[]
}

export type Draft = {
  readonly chunks: ChunkList
  /** Every token-bearing event so far said how many tokens it holds. */
  isExact: boolean
  /** Completion tokens so far by choice, where each event has a running count. */
  readonly runningTokens: Map<number, number>
  /** Indices of choices seen, and of those that said why they ended. */
  readonly choices: Set<number>
  readonly finishedChoices: Set<number>
  finishReason: string | null
  /** The chunks of events that ended a choice and held nothing else: a token or none. */
  readonly emptyEnds: number[]
  /** They name a `stop_reason`, as vLLM does, whose every event stands for a token. */
  hasStopReason: boolean
  /** The end mark came. */
  isDone: boolean
  isError: boolean
  promptTokens: number | null
  cachedTokens: number | null
  outputTokens: number | null
  reasoningTokens: number | null
  model: string | null
  fingerprint: string | null
  responseId: string | null
  serverQueueUs: number | null
  serverTtftUs: number | null
  serverGenerateUs: number | null
  readonly answer: AnswerPieces | null
}

export function newDraft(keepAnswer: boolean): Draft {
  return {
    chunks: new ChunkList(),
    isExact: true,
    runningTokens: new Map(),
    choices: new Set(),
    finishedChoices: new Set(),
    finishReason: null,
    emptyEnds: [],
    hasStopReason: false,
    isDone: false,
    isError: false,
    promptTokens: null,
    cachedTokens: null,
    outputTokens: null,
    reasoningTokens: null,
    model: null,
    fingerprint: null,
    responseId: null,
    serverQueueUs: null,
    serverTtftUs: null,
    serverGenerateUs: null,
    answer: keepAnswer ? { text: '', reasoning: '', calls: new Map(), tokenIds: [] } : null,
  }
}

/** Adds one token-bearing event. @param tokens what the server said of it; null: taken as one */
export function addChunk(draft: Draft, atUs: number, tokens: number | null, kind: number): void {
  if (tokens === null) draft.isExact = false
  draft.chunks.add(atUs, tokens ?? 1, kind)
}

/** Adds an event that ended a choice without text; `dropEmptyEnds` decides what it was. */
export function addEmptyEnd(draft: Draft, atUs: number): void {
  draft.emptyEnds.push(draft.chunks.count)
  draft.chunks.add(atUs, 1, draft.chunks.lastKind)
}

/**
 * Decides on events that ended a choice without text. On vLLM they hold the token that ended it; most
 * other servers send them aside from the last token. Where the server's total tells, it decides.
 */
export function dropEmptyEnds(draft: Draft): void {
  const { chunks, emptyEnds, outputTokens } = draft
  if (emptyEnds.length === 0) return
  const isSurplus = outputTokens !== null && outputTokens < chunks.count
  const isToken = outputTokens === chunks.count || (draft.hasStopReason && !isSurplus)
  if (isToken) draft.isExact = false
  else chunks.drop(emptyEnds)
}

/** The server's words for why an answer ended; any other word could be content. */
const FINISH_REASONS = new Set([
  'stop',
  'length',
  'tool_calls',
  'function_call',
  'content_filter',
  'abort',
  'error',
  'repetition',
])

export function finishReasonOf(word: string): string {
  return FINISH_REASONS.has(word) ? word : 'other'
}

export function endChoice(draft: Draft, index: number, reason: string): void {
  draft.finishedChoices.add(index)
  draft.finishReason ??= reason
  if (reason === 'error' || reason === 'abort') draft.isError = true
}

/** Time from the first token on that is no reasoning. */
export function firstContentAtUs(atUs: Float64Array, kinds: Uint8Array): number | null {
  const index = kinds.findIndex((kind) => kind !== CHUNK_REASONING)
  return index < 0 ? null : (atUs[index] ?? null)
}
