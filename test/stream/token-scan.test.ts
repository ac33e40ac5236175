/** The quick look at an event says what parsing it says, however the server spells its JSON. */
import { expect, test } from 'vitest'
import { AnswerReader } from '../../src/stream/answer-reader.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { endpointOf } from '../../src/stream/request-facts.ts'
import { TokenScan } from '../../src/stream/token-scan.ts'
import { hasCaptures, readCaptures } from '../support/captures.ts'

const bears = (text: string) => {
  const bytes = Buffer.from(text)
  return new TokenScan().bearsTokens(bytes, 0, bytes.length)
}

const delta = (part: object) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: part }] })}\n\n`

test.each([
  ['a role alone', delta({ role: 'assistant', content: '' }), false],
  ['a role with nothing', delta({ role: 'assistant' }), false],
  ['a role with null', delta({ role: 'assistant', content: null }), false],
  ['a role with text', delta({ role: 'assistant', content: 'Hi' }), true],
  ['a role with a brace', delta({ role: 'assistant', content: '}' }), true],
  [
    'a role with reasoning',
    delta({ role: 'assistant', content: null, reasoning_content: 'a' }),
    true,
  ],
  ['a role with a call', delta({ role: 'assistant', tool_calls: [{ index: 0 }] }), true],
  ['an empty text', delta({ content: '' }), true],
  ['nothing', delta({}), true],
  ['usage', 'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n', false],
  ['an error', 'data: {"error": {"message": "x"}}\n\n', false],
  ['the end', 'data: [DONE]\n\n', false],
  ['a delta of messages', 'event: content_block_delta\ndata: {}\n\n', true],
  ['the last of messages', 'event: message_delta\ndata: {}\n\n', false],
  ['a delta of responses', 'event: response.output_text.delta\r\ndata: {}\r\n\r\n', true],
  ['a role after an empty text', delta({ content: '', role: 'assistant' }), false],
  ['a role after a text', delta({ content: 'Hi', role: 'assistant' }), true],
  [
    'a role far from its choice',
    `data: ${JSON.stringify({ choices: [{ logprobs: null, finish_reason: null, x: '-'.repeat(60), delta: { content: null, role: 'assistant' } }] })}\n\n`,
    false,
  ],
  ['an event with a name of its own', `event: message\n${delta({ content: 'a' })}`, true],
  ['a delta without a name', 'data: {"type":"response.output_text.delta","delta":"a"}\n\n', true],
  ['a delta with spaces', 'data: {"type": "content_block_delta", "delta": {}}\n\n', true],
  ['the last one without a name', 'data: {"type":"message_delta","delta":{}}\n\n', false],
  ['the end of responses', 'event: response.completed\ndata: {}\n\n', false],
])('%s', (_name, text, expected) => {
  expect(bears(text)).toBe(expected)
})

/** The same event in other spellings. */
const SPELLINGS: readonly [name: string, spell: (data: string) => string][] = [
  ['as sent', (data) => `data: ${data}`],
  ['without a space', (data) => `data:${data}`],
  ['with spaces inside', (data) => `data: ${spaced(data)}`],
]

/** JSON as Python writes it by default. */
function spaced(data: string): string {
  const text = JSON.stringify(JSON.parse(data), null, 1)
  return text
    .replaceAll(/\n\s*/g, ' ')
    .replaceAll(/([[{]) /g, '$1')
    .replaceAll(/ ([\]}])/g, '$1')
}

const streams = readCaptures().filter(
  ({ answer, path }) => endpointOf('POST', path) !== null && answer.includes('text/event-stream'),
)

test.skipIf(!hasCaptures).each(SPELLINGS)('every captured stream, %s', (_name, spell) => {
  for (const { name, path, answer } of streams) {
    const text = answer.toString('utf8')
    const events = [...text.matchAll(/^(event: .*\n)?data: (\{.*\})$/gm)].map(
      ([, event = '', data = '']) => `${event}${spell(data)}\n\n`,
    )
    const reader = new AnswerReader()
    const bytes = Buffer.from(
      `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${events.join('')}`,
    )
    reader.push(bytes, 0, bytes.length, 1)
    const capture = reader.end('fin', 2)
    if (capture === null) throw new Error('no capture')
    const endpoint = endpointOf('POST', path) ?? 'other'
    const seen = interpret(capture, { endpoint, isStream: true, keepAnswer: false })
    expect([name, reader.eventCount]).toEqual([name, seen.chunkAtUs.length])
  }
})
