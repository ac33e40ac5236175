import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeChunkTokens, encodeChunkTokens } from '../../src/trace/chunk-tokens.ts'

test('any counts come back as they were, and all ones need no bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(1), fc.nat({ max: 2 ** 31 - 1 }))), (tokens) => {
      const packed = encodeChunkTokens(tokens)
      expect(packed === null).toBe(tokens.every((count) => count === 1))
      expect([...decodeChunkTokens(packed ?? new Uint8Array(0))]).toEqual(packed ? tokens : [])
    }),
  )
})

test('the layout is the documented one', () => {
  expect(Buffer.from(encodeChunkTokens([1, 1, 1, 4]) ?? []).toString('hex')).toBe('01030401')
})

test('a run that is too long to be true does not fill the memory', () => {
  const forged = Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0x7f)
  expect(() => decodeChunkTokens(forged)).toThrow('a list of chunk tokens is damaged')
})
