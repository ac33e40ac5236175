/**
 * Log probabilities in the shapes of both dialects. Every token is as likely as any other, as from a
 * model with random weights. Pure.
 */
import { answerBytesOf } from './tokenizer.ts'
import { VOCABULARY_SIZE } from './vocabulary.ts'

const LOGPROB = -Math.log(VOCABULARY_SIZE)

/** @param textBefore characters of the answer before these tokens */
export function completionLogprobs(
  tokens: readonly number[],
  alternatives: number,
  textBefore: number,
) {
  const texts = tokens.map(tokenText)
  let offset = textBefore
  const textOffsets = texts.map((text) => {
    const at = offset
    offset += text.length
    return at
  })
  return {
    text_offset: textOffsets,
    token_logprobs: tokens.map(() => LOGPROB),
    tokens: texts,
    top_logprobs: tokens.map((token) =>
      Object.fromEntries(beside(token, alternatives).map((id) => [tokenText(id), LOGPROB])),
    ),
  }
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
