/** The built-in tokenizer: exact both ways. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode, encodeChat, shownToken } from '../../src/engine/tokenizer.ts'
import { TURN_END, VOCABULARY_SIZE, vocabulary } from '../../src/engine/vocabulary.ts'

describe('the built-in tokenizer', () => {
  test('decoding what was encoded gives the text again, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(decode(encode(text))).toBe(text)
      }),
    )
  })

  test('a text of words from the vocabulary has as many tokens as words', () => {
    const words = [...vocabulary().wordIds]
    fc.assert(
      fc.property(fc.array(fc.nat(words.length - 1), { maxLength: 60 }), (indices) => {
        const ids = indices.map((index) => words[index] ?? 0)
        expect(encode(decode(ids))).toEqual(ids)
      }),
    )
  })

  test('most of the vocabulary is a space and a word, so exact sizes are easy to build', () => {
    expect(vocabulary().wordIds.length).toBeGreaterThan(100_000)
    expect(vocabulary().texts.length).toBe(VOCABULARY_SIZE - 3)
  })

  test('English costs about a token for four characters', () => {
    const text =
      'The quick answer to this question is that more people have time to think about it.'
    expect(encode(text).length).toBeLessThan(text.length / 2.5)
  })

  test('a message of one word costs eight tokens more than the word', () => {
    const chat = encodeChat([{ role: 'user', content: ' time' }])
    expect(chat.length).toBe(9)
    expect(chat.indexOf(TURN_END)).toBe(4)
    expect(encodeChat([{ role: 'user', content: ' time' }], 'closed').length).toBe(6)
  })

  test('an entry is shown as byte-level vocabularies show it', () => {
    expect(encode(' time\n').map(shownToken)).toEqual(['Ġtime', 'Ċ'])
  })
})
