/** Words of a text that somebody brought, in its order: those that are one token each. Effects: asks the tokenizer that it is given. */
import type { TokenizerClient } from './tokenizer-client.ts'
import { proven, SEPARATOR, type Vocabulary } from './vocabulary.ts'

/** Enough for text that repeats only after a long while; more would slow the start down. */
const MOST_WORDS = 16_384
const FEWEST_WORDS = 64
const WORDS_PER_CALL = 512
const WORD = /[A-Za-z]{1,24}/g

/** @returns null where the text has too few words that the target's tokenizer keeps whole */
export async function corpusVocabulary(
  text: string,
  tokenizer: TokenizerClient | null,
): Promise<Vocabulary | null> {
  const words: string[] = []
  for (const [word] of text.matchAll(WORD)) {
    if (words.length === MOST_WORDS) break
    words.push(` ${word}`)
  }
  if (words.length < FEWEST_WORDS) return null
  if (tokenizer === null) return { words, ids: null, isText: true }
  const ids = await wholeWords(tokenizer, [...new Set(words)])
  if (ids === null) return null
  const kept = new Map(await proven(tokenizer, [...ids]))
  const running = words.filter((word) => kept.has(word))
  if (running.length < FEWEST_WORDS) return null
  return { words: running, ids: running.map((word) => kept.get(word)!), isText: true }
}

/** @returns id of each word that is one token between separators; null where nobody tells */
async function wholeWords(
  tokenizer: TokenizerClient,
  words: readonly string[],
): Promise<Map<string, number> | null> {
  const separator = await tokenizer.tokenize(SEPARATOR)
  if (separator === null || separator.length === 0) return null
  const whole = new Map<string, number>()
  for (let from = 0; from < words.length; from += WORDS_PER_CALL) {
    const some = words.slice(from, from + WORDS_PER_CALL)
    const tokens = await tokenizer.tokenize(SEPARATOR + some.join(SEPARATOR))
    const pieces = splitAt(tokens ?? [], separator)
    // A tokenizer that joins a word with the separator shifts the rest: that run tells nothing.
    if (pieces.length !== some.length) continue
    for (const [at, piece] of pieces.entries()) {
      if (piece.length === 1) whole.set(some[at]!, piece[0]!)
    }
  }
  return whole
}

function splitAt(tokens: readonly number[], separator: readonly number[]): number[][] {
  const pieces: number[][] = []
  for (let at = 0; at < tokens.length;) {
    if (separator.every((id, offset) => tokens[at + offset] === id)) {
      pieces.push([])
      at += separator.length
    } else {
      pieces.at(-1)?.push(tokens[at]!)
      at += 1
    }
  }
  return pieces
}
