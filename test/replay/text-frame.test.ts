import { expect, test } from 'vitest'
import { GUESSED_FRAME, measureFrame } from '../../src/replay/text-frame.ts'
import { learnVocabulary } from '../../src/replay/vocabulary.ts'
import { TEMPLATE, wordTokenizer } from '../support/word-tokenizer.ts'

const wrap = (content: string) => [{ role: 'user', content }]

test('a template is measured: what stands before the first word, what after the last', async () => {
  const tokenizer = wordTokenizer()
  const vocabulary = (await learnVocabulary(tokenizer))!
  const frame = await measureFrame(tokenizer, vocabulary, wrap)
  const starter = (await tokenizer.tokenize(frame.starter))?.length ?? 0
  expect(frame).toEqual({
    starter: frame.starter,
    headTokens: TEMPLATE.head + starter,
    tailTokens: TEMPLATE.tail,
    isExact: true,
  })
})

test('a template under which words do not add up is called inexact', async () => {
  const tokenizer = wordTokenizer()
  const vocabulary = (await learnVocabulary(tokenizer))!
  const odd = {
    ...tokenizer,
    tokenizeChat: async (messages: Parameters<typeof tokenizer.tokenizeChat>[0]) => {
      const ids = (await tokenizer.tokenizeChat(messages, null)) ?? []
      return ids.length > 40 ? ids.slice(1) : ids
    },
  }
  expect((await measureFrame(odd, vocabulary, wrap)).isExact).toBe(false)
})

test('where nobody tells, a common size is guessed and called so', async () => {
  const silent = { ...wordTokenizer(), tokenizeChat: async () => null }
  const vocabulary = (await learnVocabulary(wordTokenizer()))!
  expect(await measureFrame(silent, vocabulary, wrap)).toBe(GUESSED_FRAME)
})
