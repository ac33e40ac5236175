/** Answers that are cut, broken, packed, mixed or not vLLM's. */
import { once } from 'node:events'
import {
  brotliCompressSync,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader, AnswerStream } from '../../src/stream/answer-reader.ts'
import { inflate } from '../../src/stream/inflate.ts'
import { interpret } from '../../src/stream/interpret.ts'
import type { AnswerCapture, AnswerEnd } from '../../src/stream/observation.ts'
import type { EndpointName } from '../../src/trace/columns.ts'

type Options = { end?: AnswerEnd; endpoint?: EndpointName; type?: string; status?: number }

/** An answer without a length, one event each 10 µs. */
function seen(events: readonly (string | Buffer)[], options: Options = {}) {
  const reader = new AnswerReader()
  const { type = 'text/event-stream', status = 200, end = 'complete' } = options
  const head = Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\n\r\n`)
  reader.push(head, 0, head.length, 5)
  events.forEach((event, index) => {
    const bytes = Buffer.from(event as string)
    reader.push(bytes, 0, bytes.length, 10 * (index + 1))
  })
  const atUs = 10 * (events.length + 1)
  const capture = reader.end(end === 'complete' ? 'fin' : end, atUs)
  if (capture === null) throw new Error('no capture')
  return interpret(capture, {
    endpoint: options.endpoint ?? 'chat',
    isStream: true,
    keepAnswer: true,
  })
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const delta = (part: object, more: object = {}) =>
  event({ id: 'c', model: 'm', choices: [{ index: 0, delta: part, finish_reason: null, ...more }] })
const DONE = 'data: [DONE]\n\n'
const END = delta({ content: '!' }, { finish_reason: 'stop' })

test('the role, comments, usage and the end mark are no tokens', () => {
  const found = seen([
    ': keep-alive\n\n',
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'a' }),
    END,
    event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }),
    DONE,
  ])
  expect([...found.chunkAtUs]).toEqual([30, 40])
  expect(found).toMatchObject({ outcome: 'ok', firstTokenAtUs: 30, lastTokenAtUs: 40 })
  expect(found).toMatchObject({ promptTokens: 3, outputTokens: 2, tokenSource: 'server' })
})

test('a role that comes with text is a token', () => {
  const found = seen([delta({ role: 'assistant', content: 'Hi' }), END, DONE])
  expect(found.chunkAtUs).toHaveLength(2)
})

test('a token without text counts', () => {
  expect(seen([delta({ content: '' }), delta({}), END, DONE]).outputTokens).toBe(3)
})

test('reasoning under both names comes before content', () => {
  for (const name of ['reasoning', 'reasoning_content']) {
    const found = seen([delta({ [name]: 'hm' }), delta({ [name]: 'so' }), END, DONE])
    expect(found).toMatchObject({
      firstTokenAtUs: 10,
      firstContentAtUs: 30,
      answerReasoning: 'hmso',
    })
    expect([...found.chunkKinds]).toEqual([1, 1, 0])
  }
})

test('a running usage gives each event its tokens, for each choice', () => {
  const part = (index: number, total: number, reason: string | null = null) =>
    event({
      choices: [{ index, text: 'x', finish_reason: reason }],
      usage: { prompt_tokens: 1, completion_tokens: total },
    })
  const found = seen([part(0, 1), part(1, 2), part(0, 4, 'length'), part(1, 5, 'length'), DONE], {
    endpoint: 'completions',
  })
  expect([...found.chunkTokens]).toEqual([1, 2, 3, 3])
  expect(found).toMatchObject({ outputTokens: 9, chunkTokensExact: true, finishReason: 'length' })
})

test('a usage of zeros says nothing, on each event or at the end', () => {
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
  const part = (text: string, reason: string | null) =>
    event({ choices: [{ index: 0, text, finish_reason: reason }], usage })
  const found = seen([part('a', null), part('b', null), part('', 'length'), DONE], {
    endpoint: 'completions',
  })
  expect([...found.chunkTokens]).toEqual([1, 1])
  expect(found).toMatchObject({ outputTokens: 2, promptTokens: null, tokenSource: 'stream' })
  const last = event({ choices: [], usage })
  expect(seen([delta({ content: 'a' }), END, last, DONE])).toMatchObject({ outputTokens: 2 })
})

test('counts of events that disagree with the total are not called exact', () => {
  const found = seen([
    delta({ content: 'a' }, { token_ids: [1] }),
    delta({ content: '!' }, { token_ids: [2], finish_reason: 'stop' }),
    event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 5 } }),
    DONE,
  ])
  expect(found).toMatchObject({ chunkTokensExact: false, outputTokens: 5 })
})

test('an error inside a stream is a failure, whatever follows it', () => {
  const found = seen([delta({ content: 'a' }), event({ error: { message: 'x', code: 500 } }), DONE])
  expect(found).toMatchObject({ outcome: 'stream_error', outputTokens: 1, status: 200 })
})

test('a stream without its end mark is whole if every choice said why it ended', () => {
  expect(seen([delta({ content: 'a' }), END]).outcome).toBe('ok')
  expect(seen([delta({ content: 'a' })]).outcome).toBe('truncated')
})

test('an end mark says that the answer is whole, whether or not a choice said why it ended', () => {
  expect(seen([delta({ content: 'a' }), DONE])).toMatchObject({ outcome: 'ok', finishReason: null })
  expect(seen([delta({ content: 'a' }), 'data:  [DONE] \n\n']).outcome).toBe('ok')
  expect(seen([DONE]).outcome).toBe('truncated')
})

/** How most servers but vLLM end a choice: aside from its last token. */
const ASIDE = delta({}, { finish_reason: 'stop' })

test.each([
  ['nothing', ASIDE],
  ['null', delta({ role: null, content: null }, { finish_reason: 'length' })],
  ['no text', delta({ content: '' }, { finish_reason: 'stop' })],
])('an event that ends a choice with %s is no token of its own', (_name, end) => {
  const found = seen([delta({ content: 'a' }), delta({ content: 'b' }), end, DONE])
  expect([...found.chunkAtUs]).toEqual([10, 20])
  expect(found).toMatchObject({ outputTokens: 2, lastTokenAtUs: 20, outcome: 'ok' })
})

test('such an event is a token where the server is vLLM, or where its total says so', () => {
  const named = delta({ content: '' }, { finish_reason: 'stop', stop_reason: null })
  expect(seen([delta({ content: 'a' }), named, DONE])).toMatchObject({ outputTokens: 2 })
  const total = (tokens: number) =>
    event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: tokens } })
  const times = (end: string, tokens: number) => [
    ...seen([delta({ content: 'a' }), end, total(tokens), DONE]).chunkAtUs,
  ]
  expect(times(ASIDE, 2)).toEqual([10, 20])
  expect(times(ASIDE, 1)).toEqual([10])
  expect(times(named, 1)).toEqual([10])
  expect(times(ASIDE, 9)).toEqual([10])
})

test('such an event leaves counts exact that the other events gave', () => {
  const found = seen([delta({ content: 'a' }, { token_ids: [1, 2] }), ASIDE, DONE])
  expect([...found.chunkTokens]).toEqual([2])
  expect(found).toMatchObject({ outputTokens: 2, chunkTokensExact: true })
})

test('an echoed prompt with log-probabilities is no output: its event has one new token', () => {
  // As vLLM 0.32 sent them: the prompt's first token has no probability.
  const part = (token_logprobs: (number | null)[], reason: string | null) => {
    const logprobs = { tokens: token_logprobs.map(() => 'x'), token_logprobs }
    return event({ choices: [{ index: 0, text: 'x', logprobs, finish_reason: reason }] })
  }
  const events = [part([null, -11, -12], null), part([-1, -1, -1, -1, -1], 'length'), DONE]
  const found = seen(events, { endpoint: 'completions' })
  expect([...found.chunkTokens]).toEqual([1, 5])
  expect(found).toMatchObject({ outputTokens: 6, finishReason: 'length' })
})

test('completions end a choice aside from its last token, too', () => {
  const text = (part: string, reason: string | null) =>
    event({ choices: [{ index: 0, text: part, finish_reason: reason }] })
  const found = seen([text('a', null), text('', 'stop'), DONE], { endpoint: 'completions' })
  expect(found).toMatchObject({ outputTokens: 1, outcome: 'ok', finishReason: 'stop' })
})

test('an error is known by its name or by the name of its object', () => {
  const first = delta({ content: 'a' })
  expect(seen([first, 'event: error\ndata: {"message":"x"}\n\n']).outcome).toBe('stream_error')
  expect(seen([first, event({ object: 'error', message: 'x' }), DONE]).outcome).toBe('stream_error')
  expect(seen([first, 'event: errors\ndata: {}\n\n', DONE]).outcome).toBe('ok')
})

test.each(['text/plain', 'application/json', 'application/octet-stream'])(
  'events under the name of %s are events',
  (type) => {
    const found = seen([delta({ content: 'a' }), END, DONE], { type })
    expect(found).toMatchObject({ outputTokens: 2, firstTokenAtUs: 10, outcome: 'ok' })
  },
)

test.each([
  ['hangup', 'client_abort'],
  ['reset', 'upstream_reset'],
  ['timeout', 'timeout'],
] as const)('an answer ended by %s is %s', (end, outcome) => {
  expect(seen([delta({ content: 'a' })], { end }).outcome).toBe(outcome)
})

test('tokens that came after the client had left are not counted', () => {
  const reader = new AnswerReader()
  const head = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
  reader.push(head, 0, head.length, 5)
  for (const atUs of [10, 20, 30, 40]) {
    const bytes = Buffer.from(delta({ content: 'a' }))
    reader.push(bytes, 0, bytes.length, atUs)
  }
  const capture = reader.end('hangup', 25)
  if (capture === null) throw new Error('no capture')
  const found = interpret(capture, { endpoint: 'chat', isStream: true, keepAnswer: true })
  expect([...found.chunkAtUs]).toEqual([10, 20])
  expect(found).toMatchObject({ outputTokens: 2, answerText: 'aa', outcome: 'client_abort' })
})

test('a client that leaves after the finish reason, or after the end mark, has missed nothing', () => {
  expect(seen([END], { end: 'hangup' }).outcome).toBe('ok')
  expect(seen([END, DONE], { end: 'hangup' }).outcome).toBe('ok')
  expect(seen([DONE], { end: 'hangup' }).outcome).toBe('client_abort')
})

test('a finish reason of unknown words is not kept', () => {
  const found = seen([delta({ content: 'a' }, { finish_reason: 'my secret' }), DONE])
  expect(found.finishReason).toBe('other')
})

test('messages count cached input, and their first event does not count output', () => {
  const events = [
    {
      type: 'message_start',
      message: {
        id: 'm',
        model: 'x',
        usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 0 },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 's' } },
    {
      type: 'content_block_start',
      index: 1,
      content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
    },
    {
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: '{"a":1}' },
    },
  ].map((value) => `event: ${value.type}\n${event(value)}`)
  const cut = seen(events, { endpoint: 'messages', end: 'hangup' })
  expect(cut).toMatchObject({
    promptTokens: 7,
    cachedTokens: 4,
    outputTokens: 2,
    outcome: 'client_abort',
  })
  expect([...cut.chunkKinds]).toEqual([1, 2])
  expect(cut.answerCalls).toEqual([{ id: 't', name: 'f', arguments: '{"a":1}' }])
  const end = `event: message_delta\n${event({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } })}`
  const whole = seen([...events, end, `event: message_stop\n${event({ type: 'message_stop' })}`], {
    endpoint: 'messages',
  })
  expect(whole).toMatchObject({ outcome: 'ok', finishReason: 'tool_calls', outputTokens: 9 })
})

test('responses that fail or stop early say so', () => {
  const ended = (response: object) =>
    seen(
      [
        `event: response.output_text.delta\n${event({ type: 'response.output_text.delta', delta: 'a' })}`,
        event({ type: 'response.done', response }),
      ],
      { endpoint: 'responses' },
    )
  expect(ended({ status: 'failed' }).outcome).toBe('stream_error')
  expect(
    ended({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }),
  ).toMatchObject({ outcome: 'ok', finishReason: 'length' })
  expect(
    ended({ status: 'completed', output: [{ type: 'function_call', name: 'f' }] }).finishReason,
  ).toBe('tool_calls')
})

test('embeddings have prompt tokens and nothing else', () => {
  const body = JSON.stringify({
    model: 'm',
    usage: { prompt_tokens: 8, total_tokens: 8 },
    data: [],
  })
  const found = seen([body], { endpoint: 'embeddings', type: 'application/json' })
  expect(found).toMatchObject({
    promptTokens: 8,
    outputTokens: null,
    outcome: 'ok',
    firstTokenAtUs: null,
  })
})

const BODY = JSON.stringify({
  choices: [{ index: 0, text: 'x'.repeat(500), finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 2 },
})

function packed(
  body: Uint8Array,
  contentEncoding: string,
  more: Partial<AnswerCapture> = {},
): AnswerCapture {
  return {
    status: 200,
    contentType: 'application/json',
    contentEncoding,
    retryAfter: '',
    headersAtUs: 1,
    body,
    bodyBytes: body.byteLength,
    isEvents: false,
    isCut: false,
    endAtUs: 2,
    end: 'complete',
    ...more,
  }
}

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const)('%s bodies are unpacked', (coding, pack) => {
  const options = { endpoint: 'completions', isStream: false, keepAnswer: false } as const
  const found = interpret(packed(pack(BODY), coding), options)
  expect(found).toMatchObject({ promptTokens: 1, outputTokens: 2, answerText: null })
  const stream = `data: ${BODY}\n\n${DONE}`
  const events = interpret(
    packed(pack(stream), coding, { contentType: 'text/event-stream' }),
    options,
  )
  expect(events).toMatchObject({ outcome: 'ok', outputTokens: 2 })
})

test.each(['gzip', 'br', 'zstd'])(
  'of a stream in %s the first token and the end have their times, and nothing between',
  async (coding) => {
    const packer = { gzip: createGzip, br: createBrotliCompress, zstd: createZstdCompress }[coding]
    if (packer === undefined) throw new Error(coding)
    const stream = packer()
    const pieces: Buffer[] = []
    stream.on('data', (bytes: Buffer) => void pieces.push(bytes))
    const role = delta({ role: 'assistant', content: '' })
    for (const [index, text] of [': hi\n\n', role, delta({ content: 'a' }), END, DONE].entries()) {
      stream.write(text)
      await new Promise<void>((resolve) => {
        stream.flush(() => resolve())
      })
      // What a flush gave is one piece on the wire.
      pieces.splice(index, pieces.length, Buffer.concat(pieces.slice(index)))
    }
    stream.end()
    await once(stream, 'end')
    const type = `text/event-stream\r\nContent-Encoding: ${coding}`
    const found = seen(pieces, { type })
    expect(found).toMatchObject({ outcome: 'ok', outputTokens: 2, tokenSource: 'stream' })
    expect(found).toMatchObject({ firstTokenAtUs: 30, lastTokenAtUs: 10 * (pieces.length + 1) })
    expect(found.chunkAtUs.length + found.chunkTokens.length + found.chunkKinds.length).toBe(0)
  },
)

test.each([
  [10_000, 20],
  [400_000, null],
])('a first token behind a remark of %i numbers came at %s', (count, firstTokenAtUs) => {
  const numbers = Array.from({ length: count }, (_, index) => (index * 7_919) % 1_000_003)
  const first = gzipSync(`: ${numbers.join(' ')}\n\n`)
  const body = Buffer.concat([first, gzipSync(`${delta({ content: 'a' })}${END}${DONE}`)])
  const packedMarks = Float64Array.of(first.length, 10, body.length, 20)
  const capture = packed(body, 'gzip', { contentType: 'text/event-stream', packedMarks })
  const found = interpret(capture, { endpoint: 'chat', isStream: true, keepAnswer: false })
  expect(found).toMatchObject({ outcome: 'ok', tokenSource: 'stream', firstTokenAtUs })
})

test('a small body that would become a huge one stays packed', () => {
  const bomb = gzipSync(Buffer.alloc(30_000_000))
  expect(inflate(bomb, 'gzip')).toBeNull()
  expect(inflate(Buffer.from('not packed'), 'gzip')).toBeNull()
  expect(inflate(Buffer.from('x'), 'compress')).toBeNull()
})

test('answers that come in one piece on one connection are told apart, until it breaks', () => {
  const captures: AnswerCapture[] = []
  const stops: string[] = []
  const methods = ['POST', 'HEAD', 'POST']
  const stream = new AnswerStream({
    methodOfNext: () => methods.shift() ?? null,
    onAnswerBegin: () => undefined,
    onAnswer: (capture) => void captures.push(capture),
    onStop: (reason) => void stops.push(reason),
  })
  const one = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
  const bytes = Buffer.from(`${one}ab${one}HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n${one}`)
  stream.push(bytes, 0, bytes.length, 1)
  expect(captures.map(({ status, bodyBytes }) => [status, bodyBytes])).toEqual([
    [200, 2],
    [200, 0],
    [503, 0],
  ])
  expect(stops).toEqual(['unasked_answer'])
})

test('what is kept of an answer owns its memory, also when empty, so that it can be handed over', () => {
  for (const length of [0, 5]) {
    const reader = new AnswerReader()
    const bytes = Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`,
    )
    reader.push(bytes, 0, bytes.length, 1)
    const body = reader.capture?.body
    if (body === undefined) throw new Error('no capture')
    expect(body.buffer).not.toBe(bytes.buffer)
    structuredClone(body, { transfer: [body.buffer as ArrayBuffer] })
  }
})

test('any event in any dialect is read without throwing', () => {
  const word = fc.constantFrom(
    'choices',
    'delta',
    'usage',
    'type',
    'index',
    'content',
    'tool_calls',
    'function',
    'response',
    'output',
    'message',
    'metrics',
    'logprobs',
    'token_ids',
    'finish_reason',
    'status',
  )
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('message_delta', 'response.output_text.delta', 'completed'),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(word, tie('any'), { maxKeys: 5 }),
    ),
  })).any
  fc.assert(
    fc.property(
      fc.constantFrom<EndpointName>(
        'chat',
        'completions',
        'responses',
        'messages',
        'embeddings',
        'other',
      ),
      fc.array(fc.dictionary(word, value, { maxKeys: 6 }), { maxLength: 4 }),
      (endpoint, values) => {
        expect(seen(values.map(event), { endpoint }).status).toBe(200)
        expect(
          seen(
            values.slice(0, 1).map((one) => JSON.stringify(one)),
            { endpoint, type: 'application/json' },
          ).status,
        ).toBe(200)
      },
    ),
  )
})

test('words of a server that every object knows are words like any other', () => {
  const spoken = seen(
    [
      'data: {"type":"message_start","message":{"id":"m","model":"a"}}\n\n',
      'data: {"type":"content_block_delta","delta":{"type":"toString","text":"a"}}\n\n',
      'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"b"}}\n\n',
      'data: {"type":"message_delta","delta":{"stop_reason":"constructor"}}\n\n',
      'data: {"type":"message_stop"}\n\n',
    ],
    { endpoint: 'messages' },
  )
  expect(spoken.finishReason).toBe('other')
  expect([...spoken.chunkKinds]).toHaveLength(1)
  const answered = seen(
    [
      'data: {"type":"valueOf","delta":"a"}\n\n',
      'data: {"type":"response.output_text.delta","delta":"b"}\n\n',
      'data: {"type":"response.completed","response":{"status":"completed"}}\n\n',
    ],
    { endpoint: 'responses' },
  )
  expect([...answered.chunkKinds]).toHaveLength(1)
})
