import { expect, test } from 'vitest'
import type { TokenizerClient } from '../../src/replay/tokenizer-client.ts'
import { learnVocabulary } from '../../src/replay/vocabulary.ts'
import { wordTokenizer } from '../support/word-tokenizer.ts'

test('the words learned are one token each, in any order', async () => {
  const tokenizer = wordTokenizer()
  const vocabulary = await learnVocabulary(tokenizer)
  expect(vocabulary?.words.length).toBe(1_024)
  const words = vocabulary?.words.toReversed() ?? []
  const tokens = await tokenizer.tokenize(words.join(''))
  expect(tokens).toEqual(vocabulary?.ids?.toReversed())
})

test('a word that the tokenizer splits or merges is not kept', async () => {
  const honest = wordTokenizer()
  const bad = honest.text(300)
  const split: TokenizerClient = {
    ...honest,
    async tokenize(text) {
      const ids = (await honest.tokenize(text)) ?? []
      return ids.flatMap((id) => (id === 300 ? [7, 8] : [id]))
    },
  }
  const vocabulary = await learnVocabulary(split)
  expect(vocabulary?.words).not.toContain(bad)
  expect(vocabulary?.words.length).toBe(1_024)
})

test('a target whose tokenizer does not answer yields no words', async () => {
  const silent: TokenizerClient = {
    tokenize: async () => null,
    tokenizeChat: async () => null,
    detokenize: async () => null,
  }
  expect(await learnVocabulary(silent)).toBeNull()
})
