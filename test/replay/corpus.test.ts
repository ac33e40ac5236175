import { expect, test } from 'vitest'
import { corpusVocabulary } from '../../src/replay/corpus.ts'
import { PromptWords } from '../../src/replay/prompt-words.ts'
import { NONE } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'
import { wordTokenizer } from '../support/word-tokenizer.ts'

const tokenizer = wordTokenizer()
/** 200 words that are one token each, every fifth followed by one that is several. */
const text = Array.from({ length: 200 }, (_, at) => {
  const word = tokenizer.text(258 + at * 3).trim()
  return at % 5 === 0 ? `${word}, abcdefgh` : word
}).join(' ')

test('a text gives its words in its order, without those that are several tokens', async () => {
  const vocabulary = (await corpusVocabulary(text, tokenizer))!
  expect(vocabulary.words.slice(0, 3)).toEqual([258, 261, 264].map((id) => tokenizer.text(id)))
  expect(vocabulary.words).not.toContain(' abcdefgh')
  expect(await tokenizer.tokenize(vocabulary.words.join(''))).toEqual(vocabulary.ids)
})

test('prompts run through the text', async () => {
  const vocabulary = (await corpusVocabulary(text, tokenizer))!
  const out = new Uint32Array(20)
  const words = new PromptWords(handPlan([]).blocks, vocabulary, 'seed', 'keep')
  words.choose(out, { leaf: NONE, seq: 1, copy: 0, part: 0, fromToken: 0, toToken: 20 })
  const steps = [...out]
    .slice(1)
    .map((word, at) => (word - out[at]! + vocabulary.words.length) % vocabulary.words.length)
  expect(new Set(steps)).toEqual(new Set([1]))
})

test('a text that is too short is refused, and without a tokenizer all its words count', async () => {
  expect(await corpusVocabulary('too short', tokenizer)).toBeNull()
  const guessed = await corpusVocabulary(text, null)
  expect(guessed?.ids).toBeNull()
  expect(guessed?.words).toContain(' abcdefgh')
})
