/** Words that were learned of a tokenizer, kept from run to run. Effects: reads and writes the user's cache folder. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { makeFolder, readIfThere, writeWhole } from '../base/files.ts'
import type { TokenizerClient } from './tokenizer-client.ts'
import { isProven, learnVocabulary, PLAIN_WORD, type Vocabulary } from './vocabulary.ts'

/** Case, digits, other scripts, white space, punctuation: tokenizers that split all of it alike are one. */
const PROBE = 'The quick brown Fox\n\t jumps 12345 times — naïve 東京 дом {"a": [1, 2.50]} xqzjv'
/** Ids spread over what is learned from. */
const PROBE_IDS = Array.from({ length: 256 }, (_, at) => 256 + at * 127)

/**
 * The words of a tokenizer: those of an earlier run if it is still the same, else learned anew.
 *
 * @param folder null: nothing is kept
 * @returns null where the tokenizer does not answer or has too few such words
 */
export async function cachedVocabulary(
  tokenizer: TokenizerClient,
  model: string,
  folder: string | null,
): Promise<Vocabulary | null> {
  const path = folder === null ? null : await fileOf(tokenizer, model, folder)
  if (path === null) return learnVocabulary(tokenizer)
  const kept = wordsOf(await readIfThere(path))
  if (kept !== null && (await isProven(tokenizer, kept))) return kept
  const learned = await learnVocabulary(tokenizer)
  if (learned !== null) await keep(path, learned)
  return learned
}

/** @returns null where the tokenizer does not answer */
async function fileOf(
  tokenizer: TokenizerClient,
  model: string,
  folder: string,
): Promise<string | null> {
  const ids = await tokenizer.tokenize(PROBE)
  const text = ids === null ? null : await tokenizer.detokenize(PROBE_IDS)
  if (text === null) return null
  const name = hash('sha256', JSON.stringify([model, ids, text]), 'hex').slice(0, 32)
  return join(folder, 'words', `${name}.json`)
}

/** Anybody may have written there: what is not a list of plain words is as good as nothing. */
function wordsOf(text: string | null): Vocabulary | null {
  try {
    const { words, ids } = JSON.parse(text ?? '{}') as Record<string, unknown>
    if (!Array.isArray(words) || !Array.isArray(ids) || words.length !== ids.length) return null
    const arePlain = words.every((word) => typeof word === 'string' && PLAIN_WORD.test(word))
    return arePlain && ids.every((id) => Number.isSafeInteger(id) && id >= 0)
      ? { words: words as string[], ids: ids as number[], isText: false }
      : null
  } catch {
    return null
  }
}

/** A cache that cannot be written is none. */
async function keep(path: string, { words, ids }: Vocabulary): Promise<void> {
  try {
    await makeFolder(join(path, '..'))
    await writeWhole(path, JSON.stringify({ words, ids }))
  } catch {
    // The next run learns them again.
  }
}
