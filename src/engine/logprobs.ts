/**
 * Log probabilities in the shapes of both dialects. Every token is as likely as any other, as from a
 * model with random weights. Pure.
 */
import type { Call } from './call.ts'
import { answerBytesOf } from './tokenizer.ts'
import { VOCABULARY_SIZE } from './vocabulary.ts'

const LOGPROB = -Math.log(VOCABULARY_SIZE)

/**
 * @param offsetBefore characters that the tokens before these stand for
 * @param isFromStart nothing stands before the first of these: it has no probability
 */
export function completionLogprobs(
  tokens: readonly number[],
  alternatives: number,
  offsetBefore: number,
  isFromStart: boolean,
) {
  const texts = tokens.map(tokenText)
  let offset = offsetBefore
  const textOffsets = texts.map((text) => {
    const at = offset
    offset += text.length
    return at
  })
  return {
    text_offset: textOffsets,
    token_logprobs: tokens.map((_, index) => (isFromStart && index === 0 ? null : LOGPROB)),
    tokens: texts,
    top_logprobs: tokens.map((token, index) =>
      isFromStart && index === 0
        ? null
        : Object.fromEntries(beside(token, alternatives).map((id) => [tokenText(id), LOGPROB])),
    ),
  }
}

/** Of each token of a prompt; nothing stands before the first. null where none were asked for. */
export function promptLogprobsOf(call: Call, tokens: readonly number[] = []) {
  const alternatives = call.promptLogprobs
  if (alternatives === null) return null
  return tokens.map((token, index) => {
    if (index === 0) return null
    const entries = beside(token, alternatives).map((id, at) => {
      const entry = { logprob: LOGPROB, rank: at + 1, decoded_token: tokenText(id) }
      return [id, entry] as const
    })
    return Object.fromEntries(entries)
  })
}

/** Characters that these tokens stand for, one by one, as their offsets count them. */
export function shownLength(tokens: readonly number[]): number {
  return tokens.reduce((sum, token) => sum + tokenText(token).length, 0)
}

export function chatLogprobs(tokens: readonly number[], alternatives: number) {
  return {
    content: tokens.map((token) => ({
      ...chatEntry(token),
      top_logprobs: beside(token, alternatives).slice(0, alternatives).map(chatEntry),
    })),
  }
}

function chatEntry(token: number) {
  return {
    token: tokenText(token),
    logprob: LOGPROB,
    bytes: [...Buffer.from(answerBytesOf(token), 'latin1')],
  }
}

/** The token itself and so many after it in the vocabulary. */
function beside(token: number, alternatives: number): number[] {
  return Array.from({ length: alternatives + 1 }, (_, index) => (token + index) % VOCABULARY_SIZE)
}

function tokenText(token: number): string {
  return Buffer.from(answerBytesOf(token), 'latin1').toString('utf8')
}
