/** Ids of prefixes: the published vectors, and that a conversation's chains grow out of each other. */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CHAIN_BLOCK_BYTES,
  HASH_SCHEME,
  chainKey,
  extendChain,
  keyedId,
  rootId,
  startChain,
} from '../../src/stream/prefix-chain.ts'
import { renderAnswer, renderPrompt } from '../../src/stream/render-prompt.ts'
import type { EndpointName } from '../../src/trace/columns.ts'

type Vector = {
  name: string
  key: string
  endpoint: EndpointName
  model: string
  adapter: string | null
  cacheSalt: string | null
  body: Record<string, unknown>
  answer: { text: string; calls: { name: string; arguments: string }[] } | null
  root: string
  promptIds: string[] | null
  answerIds: string[] | null
}

const fixture = JSON.parse(readFileSync('fixtures/hash-scheme.json', 'utf8')) as {
  scheme: string
  vectors: Vector[]
}
const hex = (id: bigint) => id.toString(16).padStart(16, '0')

test('the vectors are those of this scheme', () => {
  expect(fixture.scheme).toBe(HASH_SCHEME)
  expect(fixture.vectors).toHaveLength(20)
})

test.each(fixture.vectors)('vector: $name', (vector) => {
  const { endpoint, model, adapter, cacheSalt, body, answer } = vector
  const key = chainKey(Buffer.from(vector.key, 'hex'))
  const family = endpoint === 'completions' ? 'raw' : 'templated'
  const root = rootId(key, { family, model, adapter, cacheSalt })
  expect(hex(root)).toBe(vector.root)
  const bytes = renderPrompt(endpoint, body)
  const chain = bytes === null ? null : extendChain(key, startChain(root), bytes)
  expect(chain === null ? null : [...chain.ids].map(hex)).toEqual(vector.promptIds)
  const longer =
    chain === null || answer === null
      ? null
      : extendChain(key, chain, renderAnswer(endpoint, answer))
  expect(longer === null ? null : [...longer.ids].map(hex)).toEqual(vector.answerIds)
})

test('an id is what node computes as HMAC', () => {
  const secret = Buffer.from('some secret of 16')
  const key = chainKey(secret)
  const root = rootId(key, { family: 'raw', model: 'm', adapter: null, cacheSalt: null })
  const block = Buffer.alloc(CHAIN_BLOCK_BYTES, 'abc')
  const parent = Buffer.alloc(8)
  parent.writeBigUInt64BE(root)
  const wanted = createHmac('sha256', secret).update(parent).update(block).digest()
  expect(extendChain(key, startChain(root), block).ids[0]).toBe(wanted.readBigUInt64BE(0))
  const session = createHmac('sha256', secret).update('session\0anna').digest('hex')
  expect(keyedId(key, 'session', 'anna')).toBe(session.slice(0, 16))
})

const key = chainKey(Buffer.alloc(32, 7))
const root = rootId(key, { family: 'templated', model: 'm', adapter: null, cacheSalt: null })
const chainOf = (bytes: Buffer | null) =>
  extendChain(key, startChain(root), bytes ?? Buffer.alloc(0))

test('bytes give the same ids in one piece or in many', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2_000 }),
      fc.array(fc.nat({ max: 2_000 }), { maxLength: 6 }),
      (bytes, cuts) => {
        const whole = chainOf(Buffer.from(bytes))
        let pieces = startChain(root)
        const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
        edges.sort((a, b) => a - b)
        for (let index = 1; index < edges.length; index += 1) {
          const piece = Buffer.from(bytes.subarray(edges[index - 1], edges[index]))
          pieces = extendChain(key, pieces, piece)
        }
        expect(pieces.ids).toEqual(whole.ids)
        expect(pieces.tail).toEqual(whole.tail)
      },
    ),
  )
})

const text = fc.string({ unit: 'grapheme', maxLength: 700 })
const call = fc.record({
  name: fc.stringMatching(/^[a-z_]{1,12}$/),
  arguments: fc.oneof(fc.json({ maxDepth: 2 }), fc.string({ maxLength: 20 })),
})
const turn = fc.record({
  user: text,
  answer: text,
  calls: fc.array(call, { maxLength: 2 }),
  result: fc.string({ maxLength: 50 }),
})

/** How a client of each dialect sends a conversation back. */
const QUOTES = {
  chat: {
    user: (content: string) => ({ role: 'user', content }),
    answer: (content: string, calls: { name: string; arguments: string }[]) => [
      {
        role: 'assistant',
        content: content === '' ? null : content,
        ...(calls.length === 0
          ? {}
          : {
              tool_calls: calls.map((one, k) => ({ id: `c${k}`, type: 'function', function: one })),
            }),
      },
    ],
    body: (turns: unknown[]) => ({ messages: turns }),
  },
  responses: {
    user: (content: string) => ({ role: 'user', content: [{ type: 'input_text', text: content }] }),
    answer: (content: string, calls: { name: string; arguments: string }[]) => [
      ...(content === ''
        ? []
        : [
            {
              type: 'message',
              role: 'assistant',
              content: [{ type: 'output_text', text: content }],
            },
          ]),
      ...calls.map((one, k) => ({ type: 'function_call', call_id: `c${k}`, ...one })),
    ],
    body: (turns: unknown[]) => ({ input: turns }),
  },
} as const

test.each(['chat', 'responses'] as const)(
  'in %s, each turn that quotes its answers begins with the chain of the answer before',
  (endpoint) => {
    const quote = QUOTES[endpoint]
    fc.assert(
      fc.property(fc.array(turn, { minLength: 2, maxLength: 4 }), (turns) => {
        const sent: unknown[] = []
        let before: BigUint64Array = new BigUint64Array(0)
        for (const { user, answer, calls } of turns) {
          sent.push(quote.user(user))
          const chain = chainOf(renderPrompt(endpoint, quote.body(sent)))
          expect(chain.ids.slice(0, before.length)).toEqual(before)
          const bytes = renderAnswer(endpoint, { text: answer, calls })
          before = extendChain(key, chain, bytes).ids
          sent.push(...quote.answer(answer, calls))
        }
      }),
    )
  },
)

test('a tool call sent back as JSON is the call that was streamed as text', () => {
  const asked = { messages: [{ role: 'user', content: 'x'.repeat(300) }] }
  const answered = renderAnswer('messages', {
    text: 'Calling.',
    calls: [{ name: 'f', arguments: '{"b": 1, "a": [2]}' }],
  })
  const quoted = {
    role: 'assistant',
    content: [
      { type: 'text', text: 'Calling.' },
      { type: 'tool_use', id: '1', name: 'f', input: { a: [2], b: 1 } },
    ],
  }
  const next = renderPrompt('messages', { messages: [...asked.messages, quoted] })
  expect(next).toEqual(
    Buffer.concat([renderPrompt('messages', asked) ?? Buffer.alloc(0), answered]),
  )
})

test('text cannot imitate the marks between messages', () => {
  const one = renderPrompt('chat', { messages: [{ role: 'user', content: 'aÿEÿMuserÿCb' }] })
  const two = renderPrompt('chat', {
    messages: [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ],
  })
  expect(one).not.toEqual(two)
})

test('any JSON at all renders without throwing', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<EndpointName>('chat', 'completions', 'responses', 'messages', 'other'),
      fc.dictionary(
        fc.constantFrom('messages', 'prompt', 'input', 'tools', 'system', 'instructions'),
        fc.jsonValue({ maxDepth: 4 }),
      ),
      (endpoint, body) => {
        expect(renderPrompt(endpoint, body)).toSatisfy((bytes) => bytes !== undefined)
      },
    ),
  )
})
