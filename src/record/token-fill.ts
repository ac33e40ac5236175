/** Token counts for rows to which the server gave none. Pure. */
import { CHUNK_TOOL, type Observation } from '../stream/observation.ts'
import type { CountCheck } from './count-check.ts'
import type { PromptCount } from './prompt-count.ts'
import type { Row } from './request-row.ts'
import type { TokenEstimate } from './token-estimate.ts'
import { featuresOf, wordCount } from './token-features.ts'

/** A few tokens of some tokenizers hold two words. */
const MOST_WORDS_A_TOKEN = 1.1

export class TokenFill {
  readonly #estimate: TokenEstimate
  readonly #check: CountCheck

  constructor(estimate: TokenEstimate, check: CountCheck) {
    this.#estimate = estimate
    this.#check = check
  }

  /** Takes what the server says as a lesson for rows where it says nothing. */
  learn(prompt: PromptCount, seen: Observation): void {
    const promptTokens = prompt.exact ?? seen.promptTokens
    if (prompt.features !== null && promptTokens !== null && promptTokens > 0) {
      this.#estimate.learn(prompt.kind, prompt.features, promptTokens)
    }
    const text = answerBytes(seen)
    const spoken = (seen.outputTokens ?? 0) - (seen.reasoningTokens ?? 0)
    if (seen.tokenSource === 'server' && text.length > 0 && spoken > 0) {
      this.#estimate.learn(answerKind(prompt.model), featuresOf([text]), spoken)
    }
  }

  /** The prompt's tokens as far as they are known; null where nothing is. */
  promptTokens(prompt: PromptCount): number | null {
    if (prompt.exact !== null) return prompt.exact
    return prompt.features === null ? null : this.#estimate.predict(prompt.kind, prompt.features)
  }

  /**
   * Columns for what the server left out; empty where it left out nothing.
   *
   * @param known the answer's tokens, where they follow from how it ended
   */
  fill(prompt: PromptCount, seen: Observation, known: number | null): Row {
    if (seen.status >= 400) return {}
    const isServer = seen.tokenSource === 'server'
    if (isServer && seen.promptTokens !== null) return {}
    const promptTokens = seen.promptTokens ?? this.promptTokens(prompt)
    const output = isServer
      ? { tokens: seen.outputTokens, isSure: true }
      : known !== null
        ? { tokens: known, isSure: true }
        : this.#outputOf(prompt, seen)
    return {
      promptTokens,
      outputTokens: output.tokens,
      tokenSource: sourceOf(prompt, output.isSure, promptTokens),
    }
  }

  /** Events are tokens while the server's counter agrees; a tool parser and some servers merge them. */
  #outputOf(prompt: PromptCount, seen: Observation): { tokens: number | null; isSure: boolean } {
    const text = answerBytes(seen)
    const guess =
      text.length === 0 ? 0 : this.#estimate.predict(answerKind(prompt.model), featuresOf([text]))
    if (seen.tokenSource === null) {
      return { tokens: text.length === 0 ? seen.outputTokens : guess, isSure: false }
    }
    const events = seen.outputTokens ?? 0
    // The rest of a stream that was too long to be looked at is taken for more of the same.
    const isPartly = seen.seenShare > 0 && seen.seenShare < 1
    if (isPartly) return { tokens: Math.round(events / seen.seenShare), isSure: false }
    const hasTools = seen.chunkKinds.includes(CHUNK_TOOL)
    const tokens = Math.round(events * this.#check.tokensPerEvent)
    // Some servers put several tokens into one event, and have no counter that would say so.
    const hasMore = wordCount(text) > MOST_WORDS_A_TOKEN * tokens
    if (hasTools || hasMore) return { tokens: Math.max(events, guess), isSure: false }
    return { tokens, isSure: this.#check.agreement !== 'differs' }
  }
}

function sourceOf(prompt: PromptCount, isSure: boolean, promptTokens: number | null) {
  if (!isSure || promptTokens === null) return 'estimate'
  return prompt.exact === null ? 'stream' : 'tokenizer'
}

function answerKind(model: string): string {
  return `${model}/answer`
}

function answerBytes(seen: Observation): Buffer {
  const calls = seen.answerCalls ?? []
  const text = calls.map((call) => call.name + call.arguments).join('')
  return Buffer.from((seen.answerText ?? '') + text)
}
