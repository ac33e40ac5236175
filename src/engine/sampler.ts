/**
 * Which tokens an answer has. Pure: the same key gives the same answer.
 *
 * Words, and now and then a letter outside ASCII whose two bytes come as two tokens, so that one of
 * the events has no text, as real tokenizers do.
 */
import { hashStep, uniformOf } from './hash.ts'
import type { Profile } from './profile.ts'
import { TURN_END, vocabulary } from './vocabulary.ts'

/** One token in so many begins such a letter. */
const SPLIT_LETTER_EVERY = 100
/** First byte of é and its like; the second is 0x80 to 0xbf. */
const LEAD_BYTE = 0xc3
const LAST_BYTE_BASE = 0x80
const LAST_BYTE_COUNT = 0x40

export type SamplerOptions = Readonly<{
  /** What the answer depends on: the prompt where the temperature is 0, else a seed. */
  key: number
  ignoreEos: boolean
  minTokens: number
  stopTokenIds: readonly number[]
  answerTokens: Profile['answerTokens']
}>

/** @returns a function that gives each token of the answer; ask for them in order */
export function createSampler(options: SamplerOptions) {
  const { key, ignoreEos, minTokens, stopTokenIds } = options
  const words = vocabulary().wordIds
  const endIndex = ignoreEos ? Infinity : Math.max(minTokens, naturalLength(options))
  let before = -1
  return (index: number): Readonly<{ token: number; isLast: boolean }> => {
    if (index >= endIndex) return { token: TURN_END, isLast: true }
    const draw = hashStep(key, index)
    if (before === LEAD_BYTE) before = LAST_BYTE_BASE + (draw % LAST_BYTE_COUNT)
    else if (draw % SPLIT_LETTER_EVERY === 0) before = LEAD_BYTE
    else before = words[Math.floor(draw / SPLIT_LETTER_EVERY) % words.length] ?? 0
    return { token: before, isLast: index >= minTokens && stopTokenIds.includes(before) }
  }
}

/** Tokens before the model would end by itself: log-normal, from the key alone. */
function naturalLength({ key, answerTokens }: SamplerOptions): number {
  if (answerTokens === null) return Infinity
  const radius = Math.sqrt(-2 * Math.log(1 - uniformOf(key, 1)))
  const normal = radius * Math.cos(2 * Math.PI * uniformOf(key, 2))
  return Math.max(1, Math.round(answerTokens.median * Math.exp(answerTokens.sigma * normal)))
}
