/** Estimates that learn, a sampler that holds back, and the check against the server's counter. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HttpClient } from '../../src/base/http.ts'
import { CountCheck } from '../../src/record/count-check.ts'
import { countCallOf } from '../../src/record/count-call.ts'
import type { Exchange } from '../../src/record/exchange.ts'
import type { JsonObject } from '../../src/stream/json.ts'
import type { Observation } from '../../src/stream/observation.ts'
import { TokenEstimate } from '../../src/record/token-estimate.ts'
import { featuresOf } from '../../src/record/token-features.ts'
import { createTokenSampler } from '../../src/record/token-sampler.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

test('features count letters, words, digits, signs and bytes beyond ASCII', () => {
  expect([...featuresOf([Buffer.from('Two words, 12 é!')])]).toEqual([1, 8, 2, 2, 2, 2])
  expect([...featuresOf([Buffer.from('a'), Buffer.from('b c')])]).toEqual([2, 3, 3, 0, 0, 0])
})

test('whatever linear rule the server’s counts follow, sums of estimates come near it', () => {
  const rule = fc.record({
    template: fc.integer({ min: 0, max: 60 }),
    perWord: fc.double({ min: 0.6, max: 2, noNaN: true }),
    perWide: fc.double({ min: 0.2, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(
      rule,
      fc.integer({ min: 1, max: 1_000 }),
      ({ template, perWord, perWide }, seed) => {
        const estimate = new TokenEstimate()
        const text = (index: number) => {
          const words = ((index * 37 + seed) % 200) + 10
          return Buffer.from('plain '.repeat(words) + 'é'.repeat((index * 13 + seed) % 60))
        }
        const tokens = (bytes: Buffer) => {
          const features = featuresOf([bytes])
          return Math.round(template + perWord * (features[2] ?? 0) + perWide * (features[5] ?? 0))
        }
        for (let index = 0; index < 100; index += 1) {
          estimate.learn('m/chat', featuresOf([text(index)]), tokens(text(index)))
        }
        let guessed = 0
        let real = 0
        for (let index = 100; index < 200; index += 1) {
          guessed += estimate.predict('m/chat', featuresOf([text(index)]))
          real += tokens(text(index))
        }
        expect(Math.abs(guessed / real - 1)).toBeLessThan(0.02)
      },
    ),
    { numRuns: 50 },
  )
})

test('an estimate is at least one token, and no more than its bytes and a template', () => {
  const estimate = new TokenEstimate()
  for (let index = 0; index < 20; index += 1) {
    estimate.learn('odd/chat', featuresOf([Buffer.from('x'.repeat(index))]), 5_000)
  }
  expect(estimate.predict('odd/chat', featuresOf([Buffer.from('ab')]))).toBeLessThanOrEqual(66)
  expect(new TokenEstimate().predict('m/completions', featuresOf([Buffer.alloc(0)]))).toBe(1)
})

const ended = (outputTokens: number, more: Partial<Observation> = {}) =>
  ({ outputTokens, outcome: 'ok', tokenSource: 'stream', ...more }) as Observation
const server = (generatedTokens: number, finished: number | null = null) => ({
  generatedTokens,
  finished,
})

test('the check knows nothing, agrees, or differs; a restarted server begins anew', () => {
  const check = new CountCheck()
  check.compare(server(1_000), 0, 0)
  check.add(ended(300))
  check.compare(server(1_300), 0, 0)
  expect(check.agreement).toBe('unknown')
  check.add(ended(700, { tokenSource: 'server' }))
  check.compare(server(2_000), 10, 5)
  expect(check.agreement).toBe('agrees')
  check.compare(server(2_500), 10, 5)
  expect(check.agreement).toBe('differs')
  check.compare(server(5), 0, 0)
  expect(check.agreement).toBe('unknown')
})

test('what a server made for clients that had left is no disagreement', () => {
  const check = new CountCheck()
  check.compare(server(0), 0, 0)
  check.add(ended(1_000))
  check.add(ended(5, { outcome: 'client_abort' }))
  check.compare(server(1_040), 0, 0)
  expect(check.agreement).toBe('agrees')
  check.compare(server(1_090), 0, 0)
  expect(check.agreement).toBe('differs')
})

test('events of several tokens count as their average, if the server worked for us alone', () => {
  const tokensPerEvent = (finished: number | null) => {
    const check = new CountCheck()
    check.compare(server(0, finished === null ? null : 100), 0, 0)
    for (let index = 0; index < 10; index += 1) check.add(ended(100))
    check.add(ended(500, { tokenSource: 'server' }))
    check.compare(server(3_500, finished), 0, 0)
    expect(check.agreement).toBe('differs')
    return check.tokensPerEvent
  }
  expect(tokensPerEvent(111)).toBe(3)
  expect(tokensPerEvent(150)).toBe(1)
  expect(tokensPerEvent(null)).toBe(1)
})

test('answers known by their limit do not raise what an event of the others stands for', () => {
  const check = new CountCheck()
  check.compare(server(0, 100), 0, 0)
  for (let index = 0; index < 10; index += 1) check.add(ended(100))
  check.add(ended(100), 1_000)
  check.compare(server(4_000, 111), 0, 0)
  expect(check.tokensPerEvent).toBe(3)
})

test('only prompts of text are sent to be counted, with what changes their length', () => {
  const chat = {
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }] }],
    tools: [{ type: 'function' }],
    chat_template_kwargs: { enable_thinking: false },
    user: 'me',
    temperature: 1,
  }
  expect(countCallOf('chat', chat)?.body).toEqual({
    model: 'm',
    messages: chat.messages,
    tools: chat.tools,
    chat_template_kwargs: chat.chat_template_kwargs,
  })
  const image = [{ role: 'user', content: [{ type: 'image_url' }] }]
  expect(countCallOf('chat', { messages: image })).toBeNull()
  expect(countCallOf('completions', { prompt: ['a', 'b'] })).toBeNull()
  expect(countCallOf('completions', { prompt: ['a'] })?.body).toEqual({ prompt: 'a' })
  expect(countCallOf('messages', { messages: chat.messages })).toBeNull()
})

const exchange = { route: '9000', endpoint: 'completions', requestBytes: 10 } as Exchange

function samplerOf(answers: unknown[], perSec = 2) {
  const clock = new VirtualClock()
  const asked: { url: string; headers: unknown }[] = []
  const client = {
    callJson: (url: URL, call: { headers: unknown }) => {
      asked.push({ url: url.href, headers: call.headers })
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  } as unknown as HttpClient
  const origins = { '9000': 'http://a:8000' }
  const sampler = createTokenSampler({ clock, client, perSec, origins, apiKey: 'ours' })
  const count = (body: object = { prompt: 'x' }, wantsIds = false) =>
    sampler(exchange, body as JsonObject, wantsIds)
  const wait = async (us: number) => clock.run(clock.sleepUntil(clock.nowUs() + us))
  return { count, wait, asked }
}

test('the upstream is asked so many times a second, with our own key', async () => {
  const { count, wait, asked } = samplerOf([{ count: 5, tokens: [1, 2, 3, 4, 5] }])
  let answered = 0
  for (let step = 0; step < 100; step += 1) {
    const found = await count()
    if (found !== null) answered += 1
    await wait(100_000)
  }
  // Ten seconds at two a second, and those of the second before the first.
  expect(answered).toBeGreaterThanOrEqual(20)
  expect(answered).toBeLessThanOrEqual(23)
  expect(asked[0]).toEqual({
    url: 'http://a:8000/tokenize',
    headers: { authorization: 'Bearer ours' },
  })
})

test('a server without the route, or one that fails, is left alone for a while', async () => {
  // The third knows the route, and asks for the prompt under another name.
  for (const answer of [
    null,
    { detail: 'Not Found' },
    { count: 0, tokens: [] },
    new Error('down'),
  ]) {
    const { count, wait, asked } = samplerOf([answer])
    expect(await count()).toBeNull()
    await wait(30_000_000)
    expect(count()).toBeNull()
    await wait(31_000_000)
    expect(count()).not.toBeNull()
    expect(asked).toHaveLength(2)
  }
})

test('at a rate of 0, and for routes without an upstream, nobody is asked', () => {
  expect(samplerOf([{ count: 1 }], 0).count()).toBeNull()
})

test('for blocks of the engine, it is asked to render the very request', async () => {
  const { count, asked } = samplerOf([[{ token_ids: [7, 8, 9], features: null }]], 100)
  expect(await count({ prompt: 'x', top_k: 1 }, true)).toEqual({
    count: 3,
    ids: Uint32Array.of(7, 8, 9),
  })
  expect(asked.map(({ url }) => url)).toEqual(['http://a:8000/v1/completions/render'])
})

test('a prompt with images has a count, and no ids that two images could share', async () => {
  const { count } = samplerOf([{ token_ids: [7, 7, 7], features: { image: ['hash'] } }])
  expect(await count({}, true)).toEqual({ count: 3, ids: null })
})

test('a server that does not render is asked to tokenize, then and from then on', async () => {
  const { count, asked, wait } = samplerOf([null, { count: 2, tokens: [1, 2] }], 100)
  const found = { count: 2, ids: Uint32Array.of(1, 2) }
  expect(await count(undefined, true)).toEqual(found)
  await wait(1_000_000)
  expect(await count(undefined, true)).toEqual(found)
  expect(asked.map(({ url }) => new URL(url).pathname)).toEqual([
    '/v1/completions/render',
    '/tokenize',
    '/tokenize',
  ])
})
