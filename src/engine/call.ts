/** One request as the engine understands it, whatever its dialect was. Types only. */

import type { Sampling } from './sampling.ts'

export type Dialect = 'completions' | 'chat' | 'responses' | 'messages'

export type Prompt = Readonly<{
  tokens: readonly number[]
  /** What `echo` sends back. */
  text: string
}>

export type Call = Sampling &
  Readonly<{
    dialect: Dialect
    /** As it stands in the answer: `cmpl-…`, `chatcmpl-…`, `resp_…`. */
    id: string
    model: string
    /** Seconds since 1970, as the answer says. */
    createdSec: number
    prompts: readonly Prompt[]
    /** Most tokens of one answer; the room in the context may be less. */
    maxTokens: number
    /** What the client asked for; null where it left it out. */
    askedMaxTokens: number | null
    /** Seeds the chain of prefix hashes. */
    salt: number
    isStream: boolean
    hasUsage: boolean
    hasContinuousUsage: boolean
    hasTokenIds: boolean
    hasEcho: boolean
    /** The prompt is all that is wanted: one token is made, and not shown. */
    isPromptOnly: boolean
    /** Alternatives to show beside each token; null where none were asked for. */
    logprobs: number | null
    /** The same beside each token of the prompt. */
    promptLogprobs: number | null
    /** Tokens in one event, after the first. */
    streamIntervalTokens: number
    /** System text of the responses dialect, repeated in its answer. */
    instructions: string | null
  }>

/** Tokens that one event carries, of one choice. */
export type Delta = Readonly<{
  choice: number
  text: string
  tokens: readonly number[]
  finish: 'stop' | 'length' | null
  /** The string or token that ended it. */
  stopReason: string | number | null
  /** Answer tokens so far, of this choice and of all. */
  choiceTokenCount: number
  totalTokenCount: number
}>

export type Usage = Readonly<{
  promptTokens: number
  completionTokens: number
  cachedTokens: number
}>

/** Figures of `--enable-per-request-metrics`, ms. */
export type RequestFigures = Readonly<{
  time_to_first_token_ms: number
  generation_time_ms: number
  queue_time_ms: number
  mean_itl_ms: number | null
  tokens_per_second: number | null
}>
