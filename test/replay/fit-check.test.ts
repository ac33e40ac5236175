/** Which targets are refused before anything is sent to them. */
import { expect, test } from 'vitest'
import { checkLengths, refuseSource } from '../../src/replay/fit-check.ts'
import { addressHash } from '../../src/trace/address-hash.ts'
import { ABORT_BY_TIME, type Plan } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'

function recordedFrom(host: string, port: number): Plan {
  const plan = handPlan([{ dueUs: 0, model: 'llama' }])
  const source = { addressHash: addressHash('salt', host, port), addressSalt: 'salt' }
  return { ...plan, source: { ...plan.source, ...source } }
}

test.each([
  ['llm.example', 8000, 'http://llm.example:8000'],
  ['LLM.example', 80, 'http://llm.example/v1'],
  ['llm.example', 443, 'https://llm.EXAMPLE'],
  ['llm.example.', 8000, 'http://llm.example:8000/'],
  ['10.0.0.7', 8000, 'http://10.0.0.7:8000'],
])('what was recorded from %s:%i is not sent back to %s', (host, port, url) => {
  expect(() => refuseSource(recordedFrom(host, port), new URL(url), null)).toThrow(
    expect.objectContaining({
      code: 'TARGET_UNFIT',
      hint: expect.stringContaining('--allow-source'),
    }),
  )
})

test('another port or another host may be sent to, and so may any if the trace names no server', () => {
  const plan = recordedFrom('llm.example', 8000)
  const check = (of: Plan, url: string) => () => refuseSource(of, new URL(url), ['llama'])
  expect(check(plan, 'http://llm.example:8001')).not.toThrow()
  expect(check(plan, 'http://other.example:8000')).not.toThrow()
  expect(check(handPlan([{ dueUs: 0 }]), 'http://llm.example:8000')).not.toThrow()
})

const LOCAL = ['localhost', '127.0.0.1', '[::1]']

test.each(LOCAL.flatMap((from) => LOCAL.map((to) => [from, to] as const)))(
  'a recording of %s is not sent to %s where the same models are served, and is to other models',
  (from, to) => {
    const check = (served: readonly string[] | null, port = 8000) =>
      refuseSource(recordedFrom(from, 8000), new URL(`http://${to}:${port}/v1/`), served)
    expect(() => check(['other', 'llama'])).toThrow(
      expect.objectContaining({
        code: 'TARGET_UNFIT',
        message: expect.stringContaining('may be the server that was recorded'),
        hint: expect.stringContaining('--allow-source'),
      }),
    )
    expect(() => check(['other'])).not.toThrow()
    expect(() => check(null)).not.toThrow()
    expect(() => check(['llama'], 8001)).not.toThrow()
  },
)

test('a request that does not fit the context is counted, and refused unless it may be left out', () => {
  const plan = handPlan([
    { dueUs: 0, promptTokens: 90, outputTokens: 10 },
    { dueUs: 1, promptTokens: 91, outputTokens: 10 },
    // It is hung up: how long the answer would have been does not matter.
    { dueUs: 2, promptTokens: 99, outputTokens: 50, flags: ABORT_BY_TIME },
    // Each of its prompts has the context to itself.
    { dueUs: 3, promptTokens: 270, outputTokens: 10, inputCount: 3 },
    { dueUs: 4, promptTokens: 200, outputTokens: 0, inputCount: 2, endpoint: 'embeddings' },
  ])
  expect(checkLengths(plan, () => 100, true)).toBe(1)
  expect(checkLengths(plan, () => null, false)).toBe(0)
  expect(() => checkLengths(plan, () => 100, false)).toThrow(
    "1 of 5 requests do not fit the target's context of 100 tokens; the longest has 101",
  )
})
