/**
 * Words that stay one token each however they are joined, so that a text has exactly so many tokens.
 * Effects: asks the tokenizer that it is given.
 */
import type { TokenizerClient } from './tokenizer-client.ts'

export type Vocabulary = Readonly<{
  /** A leading space and ASCII letters each. */
  words: readonly string[]
  /** Token id of each word; null where no tokenizer could be asked. */
  ids: readonly number[] | null
  /** A running text: words are taken one after the other, not at random. */
  isText: boolean
}>

/** Ids that are asked for in one call, and how far up: common words have low ids. */
const IDS_PER_CALL = 1_024
const FIRST_ID = 256
const LAST_ID = 32_768
/** 1,024 words make two texts of two blocks different beyond doubt. */
const WANTED_WORDS = 1_024
const FEWEST_WORDS = 64
const MAX_PROOF_ROUNDS = 32

/** Between ids, so that each id's own text can be cut out of the joined text. */
export const SEPARATOR = '\n@@\n'
/** A space and letters: nothing that JSON would escape. */
export const PLAIN_WORD = /^ [a-z]{2,9}$/

/** One token each in every vocabulary of English text that was tried; a guess where nobody tells. */
const COMMON_WORDS =
  ' the of and to in is that it was for on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know'

/** @returns null where the server's tokenizer cannot be asked or yields too few such words */
export async function learnVocabulary(tokenizer: TokenizerClient): Promise<Vocabulary | null> {
  const separator = await tokenizer.tokenize(SEPARATOR)
  if (separator === null || separator.length === 0) return null
  const found = new Map<string, number>()
  for (
    let from = FIRST_ID;
    from < LAST_ID && found.size < 1.25 * WANTED_WORDS;
    from += IDS_PER_CALL
  ) {
    const ids = Array.from({ length: IDS_PER_CALL }, (_, offset) => from + offset)
    const text = await tokenizer.detokenize(ids.flatMap((id) => [...separator, id]))
    const pieces = text?.split(SEPARATOR).slice(1) ?? []
    // A token that holds part of the separator shifts the rest: such a run tells nothing.
    if (pieces.length !== ids.length) continue
    for (const [at, piece] of pieces.entries()) {
      if (PLAIN_WORD.test(piece) && !found.has(piece)) found.set(piece, ids[at] ?? 0)
    }
  }
  const words = await proven(tokenizer, [...found].slice(0, Math.floor(1.25 * WANTED_WORDS)))
  if (words.length < FEWEST_WORDS) return null
  const kept = words.slice(0, WANTED_WORDS)
  return { words: kept.map(([word]) => word), ids: kept.map(([, id]) => id), isText: false }
}

/**
 * Keeps the words that the tokenizer gives back one to one from a joined text, both ways round.
 *
 * @returns none where it does not answer, or finds no end
 */
export async function proven(
  tokenizer: TokenizerClient,
  candidates: readonly (readonly [string, number])[],
): Promise<readonly (readonly [string, number])[]> {
  let words = candidates
  for (let round = 0; round < MAX_PROOF_ROUNDS; round += 1) {
    const order = round % 2 === 0 ? words : words.toReversed()
    const tokens = await tokenizer.tokenize(order.map(([word]) => word).join(''))
    if (tokens === null) return []
    const badAt = order.findIndex(([, id], at) => tokens[at] !== id)
    if (badAt < 0 && tokens.length === order.length && round > 0) return words
    if (badAt >= 0) {
      const bad = order[badAt]
      words = words.filter((word) => word !== bad)
    }
  }
  return []
}

/** Words of an earlier run that are still what they were. */
export async function isProven(
  tokenizer: TokenizerClient,
  { words, ids }: Vocabulary,
): Promise<boolean> {
  if (ids === null || words.length < FEWEST_WORDS) return false
  const tokens = await tokenizer.tokenize(words.join(''))
  return tokens?.length === ids.length && ids.every((id, at) => tokens[at] === id)
}

/** For a target that tells nothing of its tokenizer: about one token a word. */
export function guessedVocabulary(): Vocabulary {
  const words = COMMON_WORDS.split(' ').slice(1, 1 + FEWEST_WORDS)
  return { words: words.map((word) => ` ${word}`), ids: null, isText: false }
}
