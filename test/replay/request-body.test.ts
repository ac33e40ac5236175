import { expect, test } from 'vitest'
import {
  answersOf,
  bodyFrame,
  isChained,
  wasStructured,
  type BodyWish,
  type Dialect,
} from '../../src/replay/request-body.ts'
import type { RequestShape } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'

const [plain] = handPlan([{ dueUs: 0 }]).shapes as [RequestShape]
const VLLM = {
  isVllm: true,
  hasStreamOptions: true,
  hasPriority: true,
  chatLimit: 'max_tokens' as const,
}
const OTHER = {
  isVllm: false,
  hasStreamOptions: true,
  hasPriority: false,
  chatLimit: 'max_tokens' as const,
}

function body(shape: Partial<RequestShape>, wish: Partial<BodyWish> = {}, dialect: Dialect = VLLM) {
  const frame = bodyFrame(
    {
      shape: { ...plain, ...shape },
      model: 'm',
      outputTokens: 9,
      isExactLength: true,
      cacheSalt: null,
      tools: null,
      wantsTokenIds: false,
      allowedTokenIds: null,
      previousResponseId: null,
      ...wish,
    },
    dialect,
  )
  return JSON.parse(`${frame?.before}"words"${frame?.after}`) as Record<string, unknown>
}

test('exact length is asked for wherever the dialect has a field for it', () => {
  expect(body({ endpoint: 'completions' })).toMatchObject({ max_tokens: 9, ignore_eos: true })
  expect(body({ endpoint: 'responses' })).toMatchObject({ max_output_tokens: 9, ignore_eos: true })
  expect(body({ endpoint: 'messages' })).not.toHaveProperty('ignore_eos')
  expect(body({ endpoint: 'responses' }, {}, OTHER)).not.toHaveProperty('ignore_eos')
})

test('an answer of chat is limited by the field that the target takes, others by their own', () => {
  const dialect = { ...OTHER, chatLimit: 'max_completion_tokens' } as const
  expect(body({ endpoint: 'chat' }, {}, OTHER)).toMatchObject({ max_tokens: 9 })
  const chat = body({ endpoint: 'chat' }, {}, dialect)
  expect(chat).toMatchObject({ max_completion_tokens: 9 })
  expect(chat).not.toHaveProperty('max_tokens')
  for (const endpoint of ['completions', 'messages'] as const) {
    expect(body({ endpoint }, {}, dialect)).toMatchObject({ max_tokens: 9 })
  }
  expect(body({ endpoint: 'responses' }, {}, dialect)).toMatchObject({ max_output_tokens: 9 })
})

test('answers of known words are asked for by a list, on responses by a bias, on messages not', () => {
  const wish = { allowedTokenIds: [5, 6] }
  expect(body({ endpoint: 'chat' }, wish)['allowed_token_ids']).toEqual([5, 6])
  expect(body({ endpoint: 'responses' }, wish)['logit_bias']).toEqual({ 5: 100, 6: 100 })
  expect(Object.keys(body({ endpoint: 'messages' }, wish)).toSorted()).toEqual(
    Object.keys(body({ endpoint: 'messages' })).toSorted(),
  )
})

test('parameters go to who knows them, and none changes the size of a prompt', () => {
  const params = JSON.stringify({
    add_special_tokens: false,
    continuous_usage_stats: true,
    include_usage: true,
    min_p: 0.1,
    temperature: 0.5,
    top_k: 4,
    truncate_prompt_tokens: 3,
  })
  expect(body({ endpoint: 'chat', params })).toMatchObject({
    min_p: 0.1,
    temperature: 0.5,
    top_k: 4,
  })
  expect(body({ endpoint: 'chat', params })['stream_options']).toEqual({
    include_usage: true,
    continuous_usage_stats: true,
  })
  for (const endpoint of ['chat', 'completions', 'responses', 'messages'] as const) {
    const names = Object.keys(body({ endpoint, params }))
    expect(names).not.toContain('truncate_prompt_tokens')
    expect(names).not.toContain('add_special_tokens')
    expect(names).not.toContain('include_usage')
  }
  expect(body({ endpoint: 'messages', params })).toMatchObject({ temperature: 0.5, top_k: 4 })
  expect(body({ endpoint: 'messages', params })).not.toHaveProperty('min_p')
  expect(body({ endpoint: 'chat', params }, {}, OTHER)).not.toHaveProperty('top_k')
})

test('what was bound to a grammar is sent without one', () => {
  const params = '{"structured_output":true,"temperature":0.5}'
  expect(wasStructured({ ...plain, params })).toBe(true)
  expect(wasStructured({ ...plain, params: '{"temperature":0.5}' })).toBe(false)
  for (const endpoint of ['chat', 'completions', 'responses', 'messages'] as const) {
    expect(body({ endpoint, params })).toMatchObject({ temperature: 0.5 })
    expect(body({ endpoint, params })).not.toHaveProperty('structured_output')
  }
})

test('a turn that follows a kept response names it, and asks to be kept itself', () => {
  const params = '{"previous_response_id":true,"store":false}'
  expect(isChained({ ...plain, endpoint: 'responses', params })).toBe(true)
  expect(isChained({ ...plain, endpoint: 'chat', params })).toBe(false)
  const asked = body({ endpoint: 'responses', params }, { previousResponseId: 'resp_1' })
  expect(asked).toMatchObject({ previous_response_id: 'resp_1', store: true })
  expect(body({ endpoint: 'responses', params })).not.toHaveProperty('previous_response_id')
})

test('a server counts the answers of all choices for all prompts together', () => {
  expect(answersOf({ ...plain, n: 3, inputCount: 2 })).toBe(6)
  expect(answersOf({ ...plain, endpoint: 'chat', n: 3 })).toBe(3)
  expect(answersOf({ ...plain, endpoint: 'responses', n: 3 })).toBe(1)
})
