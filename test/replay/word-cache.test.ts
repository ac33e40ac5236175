import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TokenizerClient } from '../../src/replay/tokenizer-client.ts'
import { cachedVocabulary } from '../../src/replay/word-cache.ts'
import { wordTokenizer } from '../support/word-tokenizer.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'trace-words-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** Counts what is asked of it. */
function counted(inner: TokenizerClient) {
  const calls = { count: 0 }
  const tokenizer: TokenizerClient = {
    async tokenize(text) {
      calls.count += 1
      return inner.tokenize(text)
    },
    async tokenizeChat(messages, tools) {
      calls.count += 1
      return inner.tokenizeChat(messages, tools)
    },
    async detokenize(ids) {
      calls.count += 1
      return inner.detokenize(ids)
    },
  }
  return { tokenizer, calls }
}

const files = () => readdirSync(join(folder, 'words')).map((name) => join(folder, 'words', name))

test('the second run finds the words of the first after three questions', async () => {
  const first = await cachedVocabulary(wordTokenizer(), 'm', folder)
  expect(first?.words.length).toBe(1_024)
  const { tokenizer, calls } = counted(wordTokenizer())
  expect(await cachedVocabulary(tokenizer, 'm', folder)).toEqual(first)
  expect(calls.count).toBe(3)
})

test('another model, or a tokenizer that splits otherwise, has words of its own', async () => {
  await cachedVocabulary(wordTokenizer(), 'm', folder)
  await cachedVocabulary(wordTokenizer(), 'n', folder)
  const honest = wordTokenizer()
  const other = {
    ...honest,
    detokenize: async (ids: readonly number[]) => `x${await honest.detokenize(ids)}`,
  }
  await cachedVocabulary(other, 'm', folder)
  expect(files().length).toBe(3)
})

test.each([
  ['nonsense', '{'],
  ['a text that JSON would escape', JSON.stringify({ words: [' a"b'], ids: [1] })],
  ['lists of two lengths', JSON.stringify({ words: [' ab', ' cd'], ids: [1] })],
  ['words that are others now', null],
])('%s in the cache is as good as nothing', async (_what, content) => {
  const right = await cachedVocabulary(wordTokenizer(), 'm', folder)
  const [path = ''] = files()
  const stale = { words: right?.words, ids: right?.ids?.toReversed() }
  writeFileSync(path, content ?? JSON.stringify(stale))
  expect(await cachedVocabulary(wordTokenizer(), 'm', folder)).toEqual(right)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ words: right?.words, ids: right?.ids })
})

test('a folder that cannot be written, or none, keeps nobody from learning', async () => {
  const path = join(folder, 'file')
  writeFileSync(path, '')
  expect((await cachedVocabulary(wordTokenizer(), 'm', join(path, 'below')))?.words.length).toBe(
    1_024,
  )
  expect((await cachedVocabulary(wordTokenizer(), 'm', null))?.words.length).toBe(1_024)
  expect(readdirSync(folder)).toEqual(['file'])
})

test('a tokenizer that does not answer yields nothing', async () => {
  const silent: TokenizerClient = {
    tokenize: async () => null,
    tokenizeChat: async () => null,
    detokenize: async () => null,
  }
  expect(await cachedVocabulary(silent, 'm', folder)).toBeNull()
})
