import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PromptWords, type PromptSpan } from '../../src/replay/prompt-words.ts'
import { NONE } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'

const BLOCKS = [
  { id: 0xfedc_ba98_7654_3210n, parent: null, tokens: 20 },
  { id: 2n, parent: 0, tokens: 13 },
  { id: 3n, parent: 0, tokens: 17 },
]
const { blocks } = handPlan([], BLOCKS)
const VOCABULARY = { words: Array.from({ length: 1_000 }, String), isText: false }

function words(mode: 'keep' | 'unique' | 'salt', span: Partial<PromptSpan>, seed = 'a'): number[] {
  const whole = { leaf: 1, seq: 1, copy: 0, part: 0, fromToken: 0, toToken: 50, ...span }
  const out = new Uint32Array(whole.toToken - whole.fromToken)
  new PromptWords(blocks, VOCABULARY, seed, mode).choose(out, whole)
  return [...out]
}

test('equal ids give equal words, and what comes after them differs', () => {
  const one = words('keep', { leaf: 1, seq: 1 })
  const other = words('keep', { leaf: 1, seq: 2 })
  expect(one.slice(0, 33)).toEqual(other.slice(0, 33))
  expect(one.slice(33)).not.toEqual(other.slice(33))
  const cousin = words('keep', { leaf: 2, seq: 1 })
  expect(cousin.slice(0, 20)).toEqual(one.slice(0, 20))
  expect(cousin.slice(20, 33)).not.toEqual(one.slice(20, 33))
})

test('a word depends on its place in the prompt, not on where the template lets words begin', () => {
  fc.assert(
    fc.property(fc.nat({ max: 49 }), fc.nat({ max: 50 }), (fromToken, length) => {
      const toToken = Math.min(50, fromToken + length)
      expect(words('keep', { fromToken, toToken })).toEqual(
        words('keep', {}).slice(fromToken, toToken),
      )
    }),
  )
})

test('unique prompts share nothing, salted ones share their text', () => {
  expect(words('unique', { seq: 1 }).slice(0, 20)).not.toEqual(
    words('unique', { seq: 2 }).slice(0, 20),
  )
  expect(words('salt', { seq: 1 }).slice(0, 33)).toEqual(words('keep', { seq: 2 }).slice(0, 33))
})

test('another text seed gives other words', () => {
  expect(words('keep', {}, 'b')).not.toEqual(words('keep', {}, 'a'))
})

test('copies of a row, and the prompts of one request, differ', () => {
  const plain = words('keep', { leaf: NONE })
  expect(words('keep', { leaf: NONE, copy: 1 })).not.toEqual(plain)
  expect(words('keep', { leaf: NONE, part: 1 })).not.toEqual(plain)
})
