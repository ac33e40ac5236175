import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeText, fold } from '../../src/base/fold.ts'

test('a long line is broken between clauses, under the text behind its label', () => {
  expect(fold('requests   118 replayed in 10.6 s · 96.6 % ok · 4 hung up\nnext\n', 40)).toBe(
    'requests   118 replayed in 10.6 s\n           96.6 % ok · 4 hung up\nnext\n',
  )
})

test('a clause that no line can hold is broken between words', () => {
  expect(fold('note       not calibrated: recorded at the relay', 30)).toBe(
    'note       not calibrated:\n           recorded at the\n           relay',
  )
})

test('a sentence without a label goes on two spaces in', () => {
  expect(fold('both sides name the same server: is it meant?', 30)).toBe(
    'both sides name the same\n  server: is it meant?',
  )
})

test('a word that is too long stays whole', () => {
  const path = `/${'x'.repeat(90)}`
  expect(fold(`result  ${path} and more`, 40)).toBe(`result  ${path}\n        and more`)
})

test('what would command a terminal or turn its text is shown as an escape', () => {
  expect(fold('by model: \u001b[2J\u202eevil\n')).toBe('by model: \\u{1b}[2J\\u{202e}evil\n')
  expect(escapeText('a\nb')).toBe('a\\u{a}b')
})

test('nothing is lost and nothing is too wide, whatever the words', () => {
  const word = fc.stringMatching(/^[a-z0-9%·]{1,12}$/)
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 60 }),
      fc.integer({ min: 30, max: 100 }),
      (words, columns) => {
        const text = `label     ${words.join(' ')}`
        const folded = fold(text, columns)
        for (const line of folded.split('\n')) expect(line.length).toBeLessThanOrEqual(columns)
        const bare = (each: string) => each.replaceAll(/[ ·\n]/g, '')
        expect(bare(folded)).toBe(bare(text))
      },
    ),
  )
})
