/** What a chat template puts around a prompt's words, measured in tokens. Effects: asks a tokenizer. */
import type { ChatMessage, TokenizerClient } from './tokenizer-client.ts'
import type { Vocabulary } from './vocabulary.ts'

export type TextFrame = Readonly<{
  /** The text that every content begins with: templates trim spaces, so it has none in front. */
  starter: string
  /** Tokens before the first word, the starter's among them. */
  headTokens: number
  /** Tokens after the last word. */
  tailTokens: number
  /** Measured on the target, and found to add up. */
  isExact: boolean
}>

/** For a prompt of token ids: nothing around them. */
export const BARE_FRAME: TextFrame = { starter: '', headTokens: 0, tailTokens: 0, isExact: true }

/** A common template's size, for targets that cannot be asked. */
export const GUESSED_FRAME: TextFrame = {
  starter: 'the',
  headTokens: 4,
  tailTokens: 5,
  isExact: false,
}

const STARTERS_TRIED = 8
const PROOF_WORDS = 61

export type Wrap = (content: string) => readonly ChatMessage[]

/**
 * @param wrap makes the messages in which the words will stand
 * @returns the guess where the tokenizer cannot be asked; `isExact` false where words do not add up
 */
export async function measureFrame(
  tokenizer: TokenizerClient,
  vocabulary: Vocabulary,
  wrap: Wrap,
  tools: unknown = null,
): Promise<TextFrame> {
  const count = async (content: string) => tokenizer.tokenizeChat(wrap(content), tools)
  const starter = await shortestStarter(vocabulary, count)
  if (starter === null) return GUESSED_FRAME
  const [first = '', second = ''] = vocabulary.words
  const one = await count(starter + first)
  const other = await count(starter + second)
  if (one === null || other === null) return GUESSED_FRAME
  const headTokens = one.findIndex((id, at) => id !== other[at])
  const many = vocabulary.words.slice(0, PROOF_WORDS)
  const proof = await count(starter + many.join(''))
  const isExact = headTokens > 0 && proof?.length === one.length - 1 + many.length
  return { starter, headTokens, tailTokens: one.length - headTokens - 1, isExact }
}

/** What stands around a prompt of completions that goes out as text: the tokens that a model begins one with. */
export async function measureBare(
  tokenizer: TokenizerClient,
  { words }: Vocabulary,
): Promise<TextFrame> {
  const [first = '', second = ''] = words
  const one = await tokenizer.tokenize(first, true)
  const other = await tokenizer.tokenize(second, true)
  if (one === null || other === null) return { ...BARE_FRAME, isExact: false }
  const many = words.slice(0, PROOF_WORDS)
  const proof = await tokenizer.tokenize(many.join(''), true)
  const headTokens = one.findIndex((id, at) => id !== other[at])
  const isExact = headTokens >= 0 && proof?.length === one.length - 1 + many.length
  return {
    starter: '',
    headTokens: Math.max(0, headTokens),
    tailTokens: Math.max(0, one.length - headTokens - 1),
    isExact,
  }
}

async function shortestStarter(
  vocabulary: Vocabulary,
  count: (content: string) => Promise<readonly number[] | null>,
): Promise<string | null> {
  let best: string | null = null
  let bestTokens = Number.POSITIVE_INFINITY
  for (const word of vocabulary.words.slice(0, STARTERS_TRIED)) {
    const starter = word.trim()
    const tokens = await count(starter)
    if (tokens === null) return null
    if (tokens.length < bestTokens) {
      best = starter
      bestTokens = tokens.length
    }
  }
  return best
}
