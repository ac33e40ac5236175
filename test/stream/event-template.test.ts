/** Reading events by comparison gives what parsing each of them gives. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventData } from '../../src/stream/event-data.ts'
import { EventTemplate } from '../../src/stream/event-template.ts'
import { newDraft } from '../../src/stream/draft.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { parseJson, asObject } from '../../src/stream/json.ts'
import { SseSplitter } from '../../src/stream/sse-splitter.ts'

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('', '"', '\\', '\n', '\\"content":"', '"content":"x', '\u2028', '\ud800', '}}]}'),
  fc.string({ minLength: 300, maxLength: 400 }),
)
const choice = fc.oneof(
  { weight: 6, arbitrary: fc.record({ delta: fc.record({ content: text }) }) },
  { weight: 3, arbitrary: fc.record({ delta: fc.record({ reasoning: text }) }) },
  fc.record({ delta: fc.record({ role: fc.constant('assistant'), content: text }) }),
  fc.record({ delta: fc.record({ content: text, reasoning_content: text }) }),
  fc.record({
    delta: fc.record({ content: fc.constant(null), tool_calls: fc.constant([{ index: 0 }]) }),
  }),
  fc.record({
    delta: fc.record({ content: text }),
    finish_reason: fc.constantFrom('stop', 'length'),
  }),
  fc.record({
    delta: fc.record({ content: text }),
    token_ids: fc.array(fc.nat(), { maxLength: 3 }),
  }),
)
const stream = fc.array(fc.tuple(choice, fc.constantFrom(0, 0, 0, 0, 1), fc.boolean()), {
  maxLength: 25,
})

/** @param isVaried each event has another id, so that none is like the one before */
function observe(parts: readonly (readonly [object, number, boolean])[], isVaried: boolean) {
  const events = parts.map(([part, index, hasUsage], k) => {
    const usage =
      hasUsage && k % 5 === 4 ? { usage: { completion_tokens: k, prompt_tokens: 1 } } : {}
    const event = {
      id: 'x',
      noise: isVaried ? k : 0,
      model: 'm',
      choices: [{ index, ...part }],
      ...usage,
    }
    return `data: ${JSON.stringify(event)}\n\n`
  })
  const bytes = Buffer.from(`${events.join('')}data: [DONE]\n\n`)
  const splitter = new SseSplitter()
  splitter.push(bytes, 0, bytes.length, 3)
  const capture = {
    status: 200,
    contentType: 'text/event-stream',
    contentEncoding: '',
    retryAfter: '',
    headersAtUs: 1,
    body: splitter.log.bytes,
    bodyBytes: 0,
    isEvents: true,
    isCut: false,
    endAtUs: 9,
    end: 'complete',
  } as const
  return interpret(capture, { endpoint: 'chat', isStream: true, keepAnswer: true })
}

test('a stream read by comparison is the stream parsed event by event', () => {
  fc.assert(
    fc.property(stream, (parts) => {
      expect(observe(parts, false)).toEqual(observe(parts, true))
    }),
    { numRuns: 1_000 },
  )
})

test('an event like the one before is read without parsing, any other is not', () => {
  const event = (content: string, more = '') =>
    Buffer.from(
      `data: {"model":"m","choices":[{"index":0,"delta":{"content":"${content}"}${more}}]}\n\n`,
    )
  const first = event('a')
  const template = new EventTemplate()
  const value = asObject(parseJson(eventData(first, 0, first.length))) ?? {}
  const draft = newDraft(true)
  expect(template.read(draft, first, 0, first.length, 1)).toBe(false)
  template.learn(value, first, 0, first.length)
  const reads = (bytes: Buffer) => template.read(draft, bytes, 0, bytes.length, 2)
  expect(reads(event('Grüße \\n"'.slice(0, -1)))).toBe(true)
  expect(reads(event(''))).toBe(true)
  expect(reads(event('b', ',"finish_reason":"stop"'))).toBe(false)
  expect(reads(event('b","x":"c'))).toBe(false)
  expect(reads(event('bad \\q escape'))).toBe(false)
  expect(reads(event('x'.repeat(300)))).toBe(false)
  expect(draft.answer?.text).toBe('Grüße \n')
  expect(draft.chunks.count).toBe(2)
})
