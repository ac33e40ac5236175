/** A request in numbers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sizeOfBase64 } from '../../src/stream/image-size.ts'
import { describeRequest, endpointOf } from '../../src/stream/request-facts.ts'
import type { EndpointName } from '../../src/trace/columns.ts'

const facts = (endpoint: EndpointName, body: unknown) =>
  describeRequest(endpoint, Buffer.from(JSON.stringify(body)), false)

test('only the recorded endpoints are recorded, with or without a query', () => {
  expect(endpointOf('POST', '/v1/chat/completions?x=1')).toBe('chat')
  for (const word of ['constructor', 'toString', '__proto__', '', '*']) {
    expect(endpointOf('POST', word)).toBeNull()
  }
  expect(endpointOf('POST', '/v1/messages/')).toBe('messages')
  expect(endpointOf('POST', 'http://vllm.example:8000/v1/embeddings?a=/')).toBe('embeddings')
  expect(endpointOf('POST', '/v1/chat/completions/render')).toBeNull()
  expect(endpointOf('GET', '/v1/chat/completions')).toBeNull()
  expect(endpointOf('POST', '/tokenize')).toBeNull()
  expect(endpointOf('POST', '/v1/chat/completions/batch')).toBeNull()
})

test('a path before the route is what a gateway calls the server, and the route is still known', () => {
  expect(endpointOf('POST', '/llama-70b/v1/completions')).toBe('completions')
  expect(endpointOf('POST', '/api/v1/chat/completions')).toBe('chat')
  expect(endpointOf('POST', '/openai/v1/responses?x=/v1/messages')).toBe('responses')
  expect(endpointOf('POST', '/chat/completions')).toBe('chat')
  expect(endpointOf('POST', '/openai/deployments/gpt/chat/completions?api-version=1')).toBe('chat')
  expect(endpointOf('POST', '/openai/deployments/gpt/embeddings')).toBe('embeddings')
  for (const path of [
    '/v1/threads/thread_1/messages',
    '/v1/messages/count_tokens',
    '/completions',
    '/v1/xcompletions',
    '/x?/v1/completions',
  ]) {
    expect(endpointOf('POST', path)).toBeNull()
  }
})

test('each dialect names its limit on tokens differently', () => {
  expect(facts('chat', { max_completion_tokens: 5, max_tokens: 9 }).maxTokens).toBe(5)
  expect(facts('completions', { max_tokens: 6 }).maxTokens).toBe(6)
  expect(facts('responses', { max_output_tokens: 7 }).maxTokens).toBe(7)
  expect(facts('chat', { max_tokens: -1 }).maxTokens).toBeNull()
})

test('token ids are one prompt, lists of texts or of ids are several', () => {
  expect(facts('completions', { prompt: [1, 2, 3] }).inputCount).toBe(1)
  expect(facts('completions', { prompt: ['a', 'b'] }).inputCount).toBe(2)
  expect(facts('completions', { prompt: [[1], [2], [3]] }).inputCount).toBe(3)
  expect(facts('embeddings', { input: 'a' }).inputCount).toBe(1)
})

test('of parameters only known numbers and booleans are kept, rounded and limited', () => {
  const body = {
    temperature: 0.123456789,
    top_p: 'secret',
    top_k: 1e12,
    ignore_eos: true,
    logit_bias: { 1: 2 },
    seed: 12345,
    user: 'me',
    stop: ['x'],
  }
  expect(facts('chat', body).params).toBe(
    '{"ignore_eos":true,"temperature":0.1235,"top_k":1000000}',
  )
})

const SCHEMA = { type: 'json_schema', json_schema: { name: 'secret', schema: { type: 'object' } } }

test.each<[string, EndpointName, object]>([
  ['a schema', 'chat', { response_format: SCHEMA }],
  ['JSON of any kind', 'chat', { response_format: { type: 'json_object' } }],
  ['a regular expression', 'completions', { structured_outputs: { regex: 'secret' } }],
  ['a choice, as older servers have it', 'chat', { guided_choice: ['yes', 'secret'] }],
  ['a schema of responses', 'responses', { text: { format: SCHEMA } }],
  ['a schema of messages', 'messages', { output_config: { format: SCHEMA } }],
  ['a tool that has to be called', 'chat', { tool_choice: 'required' }],
  ['one tool', 'messages', { tool_choice: { type: 'tool', name: 'secret' } }],
])('%s binds the answer, and nothing is kept but that', (_, endpoint, body) => {
  expect(facts(endpoint, body).params).toBe('{"structured_output":true}')
})

test.each([
  { response_format: { type: 'text' }, tool_choice: 'auto' },
  { tool_choice: 'none', structured_outputs: null, guided_json: null },
  { structured_outputs: { json_object: false }, text: { verbosity: 'low' } },
  { tool_choice: { type: 'auto' }, response_format: 'json', guided_decoding_backend: 'xgrammar' },
])('an answer that may be anything is bound to nothing: %j', (body) => {
  expect(facts('chat', body).params).toBeNull()
})

test('tools are counted and measured, not kept', () => {
  const tools = [{ type: 'function', function: { name: 'secret' } }]
  const found = facts('chat', { tools })
  expect([found.tools, found.toolBytes]).toEqual([1, JSON.stringify(tools).length])
})

test('a body that is cut or no JSON gives no facts and no error', () => {
  expect(describeRequest('chat', Buffer.from('{"stream":true'), false).json).toBeNull()
  expect(describeRequest('chat', Buffer.from('{"stream":true}'), true).json).toBeNull()
})

const png = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  Buffer.from('000002800000016808060000', 'hex'),
])
const gif = Buffer.from('47494638396120003000f70000', 'hex')
const jpeg = Buffer.from(
  'ffd8ffe000104a46494600010100000100010000ffc00011080168028003012200021101031101',
  'hex',
)
const lossy = Buffer.concat([
  Buffer.from('RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a', 'latin1'),
  Buffer.from('80026801', 'hex'),
])
const lossless = Buffer.concat([
  Buffer.from('RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f', 'latin1'),
  Buffer.from([0x7f, 0xc2, 0x59, 0, 0, 0, 0, 0, 0]),
])
const extended = Buffer.concat([
  Buffer.from('RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0', 'latin1'),
  Buffer.from('7f02006701000000', 'hex'),
])

test.each([
  ['PNG', png, 640, 360],
  ['GIF', gif, 32, 48],
  ['JPEG', jpeg, 640, 360],
  ['lossy WebP', lossy, 640, 360],
  ['lossless WebP', lossless, 640, 360],
  ['extended WebP', extended, 640, 360],
])('the size of a %s is read from its head', (_name, bytes, width, height) => {
  expect(sizeOfBase64(bytes.toString('base64'))).toEqual([width, height, bytes.length])
})

test('images of every dialect are listed; those elsewhere are not fetched', () => {
  const url = `data:image/png;base64,${png.toString('base64')}`
  const known = `[640,360,${png.length}]`
  const chat = facts('chat', {
    messages: [
      {
        content: [
          { type: 'image_url', image_url: { url } },
          { type: 'image_url', image_url: { url: 'https://x/y.png' } },
        ],
      },
    ],
  })
  expect(chat.imageSizes).toBe(`[${known},[null,null,null]]`)
  const responses = facts('responses', {
    input: [{ content: [{ type: 'input_image', image_url: url }] }],
  })
  expect(responses.imageSizes).toBe(`[${known}]`)
  const data = png.toString('base64')
  const image = { type: 'image', source: { type: 'base64', data } }
  const messages = facts('messages', {
    messages: [{ content: [image, { type: 'tool_result', content: [image] }] }],
  })
  expect(messages.imageSizes).toBe(`[${known},${known}]`)
})

test('any body at all is described without throwing', () => {
  const names = ['messages', 'input', 'prompt', 'tools', 'stream', 'n', 'model', 'stream_options']
  fc.assert(
    fc.property(
      fc.constantFrom<EndpointName>('chat', 'completions', 'responses', 'messages', 'embeddings'),
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 4 })),
      (endpoint, body) => {
        expect(facts(endpoint, body).json).not.toBeNull()
      },
    ),
  )
})

test('any bytes at all have a size as an image', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(sizeOfBase64(Buffer.from(bytes).toString('base64'))[2]).toBe(bytes.length)
    }),
  )
})
