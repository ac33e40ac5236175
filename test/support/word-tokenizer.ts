/** A tokenizer with one id for each of 20,000 made-up words, and a chat template of seven tokens. */
import type { TokenizerClient } from '../../src/replay/tokenizer-client.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const FIRST_ID = 256

/** ' aab', ' aac', … from id 256 on; every third id is no whole word. */
function text(id: number): string {
  const number = id - FIRST_ID
  const letters = [676, 26, 1].map((unit) => LETTERS[Math.floor(number / unit) % 26]).join('')
  return id % 3 === 1 ? `#${letters}` : ` ${letters}`
}

/** Tokens of a template around one user's message: four before, three after; six between turns. */
export const TEMPLATE = { head: 4, tail: 3, between: 6 }

export function wordTokenizer(): TokenizerClient & Readonly<{ text: typeof text }> {
  const ids = new Map(
    Array.from({ length: 17_000 }, (_, at) => [text(FIRST_ID + at), FIRST_ID + at]),
  )
  const idsOf = (content: string) =>
    [...content.matchAll(/[ #]?[a-z]{1,3}|[^a-z]/g)].map(
      ([piece]) => ids.get(piece) ?? piece.codePointAt(0)! % 256,
    )
  return {
    text,
    tokenize: async (content) => idsOf(content),
    detokenize: async (tokens) =>
      tokens.map((id) => (id < 256 ? String.fromCodePoint(id) : text(id))).join(''),
    async tokenizeChat(messages) {
      const turns = messages.map(({ content }) => idsOf(String(content)))
      const between = turns.slice(1).flatMap((turn) => [...fixed(TEMPLATE.between), ...turn])
      return [...fixed(TEMPLATE.head), ...(turns[0] ?? []), ...between, ...fixed(TEMPLATE.tail)]
    },
  }
}

function fixed(count: number): number[] {
  return Array.from({ length: count }, (_, at) => 20_000 + at)
}
