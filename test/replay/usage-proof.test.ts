import { expect, test } from 'vitest'
import { corrected, promptTokensOf } from '../../src/replay/usage-proof.ts'

const frame = { starter: 'go', headTokens: 4, tailTokens: 5, isExact: false }

test('a template is as large as the server counts, where each further word is one token', () => {
  expect(corrected(frame, [0, 0])).toEqual({ ...frame, isExact: true })
  expect(corrected(frame, [3, 3])).toEqual({ ...frame, tailTokens: 8, isExact: true })
  expect(corrected(frame, [-7, -7])).toEqual({
    ...frame,
    headTokens: 2,
    tailTokens: 0,
    isExact: true,
  })
})

test('a server that counts words otherwise makes no frame exact', () => {
  const sure = { ...frame, isExact: true }
  expect(corrected(sure, [0, 12])).toEqual(frame)
  expect(corrected(sure, [-10, -10])).toEqual(frame)
})

test('prompts are counted in the dialects of OpenAI and Anthropic, cached ones included', () => {
  expect(promptTokensOf('{"usage":{"prompt_tokens":7,"completion_tokens":1}}')).toBe(7)
  expect(promptTokensOf('{"usage":{"input_tokens":7}}')).toBe(7)
  const cached = '{"usage":{"input_tokens":2,"cache_read_input_tokens":16}}'
  expect(promptTokensOf(cached)).toBe(18)
  expect(promptTokensOf('{"usage":{}}')).toBeNull()
  expect(promptTokensOf('{}')).toBeNull()
  expect(promptTokensOf('no JSON')).toBeNull()
})
