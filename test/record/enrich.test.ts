/** Conversations, tenants, attempts, prefixes and token counts, out of exchanges without sockets. */
import { expect, test } from 'vitest'
import { ExchangeEnricher, type EnrichOptions } from '../../src/record/enrich.ts'
import type { Enrichment } from '../../src/record/enricher.ts'
import type { Exchange } from '../../src/record/exchange.ts'
import {
  OBSERVE_FLAGS,
  parseObserveOptions,
  type RawObserveOptions,
} from '../../src/record/observe-options.ts'
import { interpret } from '../../src/stream/interpret.ts'
import type { AnswerCapture } from '../../src/stream/observation.ts'
import { describeRequest } from '../../src/stream/request-facts.ts'
import { SseSplitter } from '../../src/stream/sse-splitter.ts'
import type { EndpointName } from '../../src/trace/columns.ts'

const RAW: RawObserveOptions = {
  sessionBy: OBSERVE_FLAGS.sessionBy.default,
  tenantBy: OBSERVE_FLAGS.tenantBy.default,
  sample: OBSERVE_FLAGS.sample.default,
  sampleBy: OBSERVE_FLAGS.sampleBy.default,
  tokenizeRate: OBSERVE_FLAGS.tokenizeRate.default,
  blocks: OBSERVE_FLAGS.blocks.default,
}

function recorder(raw: Partial<RawObserveOptions> = {}, more: Partial<EnrichOptions> = {}) {
  const written = new Set<bigint>()
  const enricher = new ExchangeEnricher({
    secret: Buffer.alloc(32, 9),
    observe: parseObserveOptions({ ...RAW, ...raw }, 'out', []),
    hasBlock: (id) => written.has(id),
    countPrompt: () => null,
    parentOf: () => null,
    ...more,
  })
  let seq = 0
  const ask = (
    endpoint: EndpointName,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const facts = describeRequest(endpoint, Buffer.from(JSON.stringify(body)), false)
    const exchange: Exchange = {
      seq,
      endpoint,
      method: 'POST',
      route: '9000',
      connection: 'new',
      connectUs: 0,
      headers: new Map(Object.entries(headers)),
      startedAtUs: seq * 1_000,
      sentAtUs: seq * 1_000,
      requestBytes: 1,
      facts,
      stallUs: 0,
      written: 'no',
    }
    seq += 1
    const asked = enricher.request(exchange, facts)
    const keep = (found: Enrichment) => {
      for (const { id } of found.blocks) written.add(id)
      return { ...found, all: { ...asked.row, ...found.row }, asked }
    }
    return {
      asked,
      answer: (capture: AnswerCapture) => {
        const seen = interpret(capture, { endpoint, isStream: true, keepAnswer: true })
        const { promptTokens, outputTokens, reasoningTokens, tokenSource } = seen
        const row = { promptTokens, outputTokens, reasoningTokens, tokenSource }
        return keep(enricher.answer(exchange, seen, row))
      },
      bareEnd: () => keep(enricher.bareEnd(exchange)),
    }
  }
  return { ask, enricher }
}

/** A streamed answer of so many events. */
function streamed(events: readonly unknown[], status = 200): AnswerCapture {
  const splitter = new SseSplitter()
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
  const bytes = Buffer.from(status === 200 ? `${text}data: [DONE]\n\n` : '{}')
  if (status === 200) splitter.push(bytes, 0, bytes.length, 5)
  return {
    status,
    contentType: status === 200 ? 'text/event-stream' : 'application/json',
    contentEncoding: '',
    retryAfter: '',
    headersAtUs: 1,
    body: status === 200 ? splitter.log.bytes : bytes,
    bodyBytes: bytes.length,
    isEvents: status === 200,
    isCut: false,
    endAtUs: 9,
    end: 'complete',
  }
}

const said = (words: readonly string[], usage?: object) =>
  streamed([
    ...words.map((content, index) => ({
      model: 'm',
      choices: [
        { index: 0, delta: { content }, finish_reason: index === words.length - 1 ? 'stop' : null },
      ],
    })),
    ...(usage === undefined ? [] : [{ choices: [], usage }]),
  ])

const chat = (messages: readonly unknown[], more: object = {}) => ({
  model: 'm',
  stream: true,
  messages,
  ...more,
})
const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })

test('a turn that quotes the answer before it is the next turn of that session', () => {
  const { ask } = recorder()
  const first = ask('chat', chat([user('Hi')]))
  first.answer(said(['Hello', '!']))
  const second = ask('chat', chat([user('Hi'), assistant('Hello!'), user('More')]))
  expect(second.asked.row).toMatchObject({ turn: 1, parentSeq: 0 })
  expect(second.asked.row.session).toBe(first.asked.row.session)
})

test('a turn that quotes the answer differently is found by the question before it', () => {
  const { ask } = recorder()
  const first = ask('chat', chat([user('Hi')]))
  first.answer(said(['Hello', '!\n']))
  const second = ask('chat', chat([user('Hi'), assistant('Hello!'), user('More')]))
  expect(second.asked.row.session).toBe(first.asked.row.session)
})

test('equal first questions are sessions of their own, and so are their next turns', () => {
  const { ask } = recorder()
  const first = ask('chat', chat([user('Hi')]))
  const other = ask('chat', chat([user('Hi')]))
  expect(other.asked.row.session).not.toBe(first.asked.row.session)
  first.answer(said(['Yo']))
  other.answer(said(['Yo']))
  const next = [0, 1].map(() => ask('chat', chat([user('Hi'), assistant('Yo'), user('?')])))
  const sessions = next.map(({ asked }) => asked.row.session)
  expect(new Set(sessions)).toEqual(new Set([first.asked.row.session, other.asked.row.session]))
})

test('a completions prompt that goes on from another and its answer is its next turn', () => {
  const { ask } = recorder()
  const prompt = 'Once upon a time '.repeat(40)
  const first = ask('completions', { model: 'm', stream: true, prompt })
  const text = (words: string) => [{ index: 0, text: words, finish_reason: 'length' }]
  first.answer(streamed([{ model: 'm', choices: text('there was') }]))
  const next = { model: 'm', stream: true, prompt: `${prompt}there was a king` }
  const second = ask('completions', next)
  expect(second.asked.row).toMatchObject({ turn: 1, parentSeq: 0 })
  expect(ask('completions', { ...next, model: 'other' }).asked.row).toMatchObject({ turn: 0 })
})

test('a session, a tenant and a key that clients name are kept only as keyed ids', () => {
  const { ask } = recorder({
    sessionBy: 'header:X-Session,user,prompt_cache_key',
    tenantBy: 'header:x-team',
  })
  const headers = { 'x-session': 'secret-one', 'x-team': 'secret-two' }
  const first = ask('chat', chat([user('a')]), headers)
  first.answer(said(['b']))
  const second = ask('chat', chat([user('c')]), headers)
  expect(second.asked.row).toMatchObject({ turn: 1, parentSeq: 0 })
  expect(second.asked.row.session).toBe(first.asked.row.session)
  expect(first.asked.row.session).toMatch(/^[0-9a-f]{16}$/)
  expect(first.asked.row.tenant).toMatch(/^[0-9a-f]{16}$/)
  expect(JSON.stringify(first.asked.row)).not.toContain('secret')
  const named = ask('chat', chat([user('a')], { user: 'secret-one' }))
  expect(named.asked.row.session).not.toBe(first.asked.row.session)
})

test('requests of one named session that run at once do not wait for each other', () => {
  const { ask } = recorder({ sessionBy: 'user' })
  ask('chat', chat([user('a')], { user: 'u' }))
  const second = ask('chat', chat([user('b')], { user: 'u' }))
  expect(second.asked.row).toMatchObject({ turn: 1, parentSeq: null })
})

test('responses are linked by the id of the response before, and go on with its chain', () => {
  const { ask } = recorder()
  const response = (id: string, text: string) =>
    streamed([
      { type: 'response.output_text.delta', delta: text },
      {
        type: 'response.completed',
        response: {
          id,
          model: 'm',
          status: 'completed',
          output: [{ type: 'message', content: [{ type: 'output_text', text }] }],
          usage: { input_tokens: 300, output_tokens: 2 },
        },
      },
    ])
  const first = ask('responses', { model: 'm', stream: true, input: 'x'.repeat(600) })
  const answered = first.answer(response('resp_1', 'Done.'))
  const second = ask('responses', {
    model: 'm',
    stream: true,
    previous_response_id: 'resp_1',
    input: 'y'.repeat(600),
  })
  expect(second.asked.row).toMatchObject({ turn: 1, parentSeq: 0 })
  const next = second.answer(response('resp_2', 'Again.'))
  expect(next.all.prefixBlocks).toBeGreaterThan(answered.all.prefixBlocks ?? 0)
  expect(next.blocks[0]?.parent).toBe(answered.all.answerLeaf)
})

test('the next turn’s prefix goes through the leaf of the answer before', () => {
  const { ask } = recorder()
  const long = 'words and more words '.repeat(60)
  const first = ask('chat', chat([user(long)])).answer(said([long, long]))
  const second = ask('chat', chat([user(long), assistant(long + long), user(long)]))
  const answered = second.answer(said(['ok']))
  const parents = new Map(answered.blocks.map(({ id, parent }) => [id, parent]))
  let at = answered.all.prefixLeaf ?? null
  while (at !== null && parents.has(at)) at = parents.get(at) ?? null
  expect(at).toBe(first.all.answerLeaf)
  expect(first.blocks[0]?.parent).toBeNull()
})

test('blocks of one prompt have its tokens, and keep them when another shares them', () => {
  const { ask } = recorder()
  const long = 'words and more words '.repeat(200)
  const body = chat([user(long)])
  const usage = { prompt_tokens: 1_000, completion_tokens: 1 }
  const first = ask('chat', body).answer(said(['x'], usage))
  const sum = first.blocks.reduce((total, { tokens }) => total + (tokens ?? 0), 0)
  expect(sum).toBeLessThanOrEqual(1_000)
  expect(sum).toBeGreaterThan(920)
  const second = ask('chat', chat([user(`${long}!`)])).answer(said(['x'], usage))
  expect(second.blocks).toEqual([])
  expect(second.all.prefixLeaf).toBe(first.all.prefixLeaf)
})

test('without blocks nothing of a prefix is kept, and sessions are found all the same', () => {
  const { ask } = recorder({ blocks: 'off' })
  const first = ask('chat', chat([user('x'.repeat(900))]))
  const answered = first.answer(said(['ok']))
  expect([answered.blocks, answered.all.prefixLeaf]).toEqual([[], undefined])
  const next = ask('chat', chat([user('x'.repeat(900)), assistant('ok'), user('?')]))
  expect(next.asked.row.turn).toBe(1)
})

test('a retry names its attempt and the row of the first one', () => {
  const { ask } = recorder()
  const body = chat([user('again')])
  expect(ask('chat', body, { 'x-stainless-retry-count': '0' }).asked.row.attempt).toBe(0)
  const retried = ask('chat', body, { 'x-stainless-retry-count': '2' })
  expect(retried.asked.row).toMatchObject({ attempt: 2, attemptOf: 0 })
  const odd = ask('chat', body, { 'x-stainless-retry-count': 'my secret' })
  expect(odd.asked.row.attempt).toBeUndefined()
})

test('load that this program sent is labelled, whatever the header says', () => {
  const { ask } = recorder()
  expect(ask('chat', chat([user('a')]), { 'x-trace-replay': 'secret' }).asked.row.label).toBe(
    'replay',
  )
})

test('prompts that the server did not count are estimated from those that it did', () => {
  const { ask } = recorder()
  const text = (words: number) => 'several plain words '.repeat(words)
  for (let words = 1; words < 60; words += 1) {
    const usage = { prompt_tokens: 10 + 3 * words, completion_tokens: 2 }
    ask('chat', chat([user(text(words))])).answer(said(['a', 'b'], usage))
  }
  const guessed = ask('chat', chat([user(text(40))])).answer(said(['a', 'b']))
  expect(guessed.all.promptTokens).toBeGreaterThan(127)
  expect(guessed.all.promptTokens).toBeLessThan(133)
  expect(guessed.all).toMatchObject({ outputTokens: 2, tokenSource: 'stream' })
})

test('a prompt of token ids has exactly as many tokens', () => {
  const { ask } = recorder()
  const found = ask('completions', { model: 'm', stream: true, prompt: [5, 6, 7] })
  const answered = found.answer(
    streamed([{ model: 'm', choices: [{ index: 0, text: 'x', finish_reason: 'stop' }] }]),
  )
  expect(answered.all).toMatchObject({ promptTokens: 3, tokenSource: 'tokenizer' })
})

test('a count that comes late is waited for, and one that fails is estimated', async () => {
  for (const count of [77, null]) {
    const { ask } = recorder(
      {},
      { countPrompt: () => Promise.resolve(count === null ? null : { count, ids: null }) },
    )
    const found = ask('chat', chat([user('a question')])).answer(said(['a']))
    const row = (await found.later)?.row
    expect(row?.tokenSource).toBe(count === null ? 'stream' : 'tokenizer')
    expect(count === null || row?.promptTokens === count).toBe(true)
  }
})

test('events are called an estimate once the server’s counter runs ahead of them', () => {
  const { ask, enricher } = recorder()
  const counter = (value: number) => [
    { metric: 'vllm:generation_tokens_total', labels: null, value },
  ]
  enricher.metrics(counter(100), 0, 0)
  const words = Array.from({ length: 600 }, () => 'x')
  expect(ask('chat', chat([user('a')])).answer(said(words)).all.tokenSource).toBe('stream')
  enricher.metrics(counter(700), 0, 0)
  expect(ask('chat', chat([user('a')])).answer(said(words)).all.tokenSource).toBe('stream')
  enricher.metrics(counter(1_400), 0, 0)
  expect(ask('chat', chat([user('a')])).answer(said(words)).all.tokenSource).toBe('estimate')
})

test('an answer of vLLM that ended at its limit has that many tokens, in however few events', () => {
  const { ask } = recorder()
  const words = ['one', 'two-and-three-and-four-and-more', 'four']
  const cut = (finish: string, more: object = { stop_reason: null }) =>
    streamed(
      words.map((content, index) => ({
        model: 'm',
        choices: [
          {
            index: 0,
            delta: { content },
            finish_reason: index + 1 < words.length ? null : finish,
            ...more,
          },
        ],
      })),
    )
  const tokens = (more: object, answer = cut('length')) =>
    ask('chat', chat([user('a')], more)).answer(answer).all.outputTokens
  expect(tokens({ max_tokens: 4 })).toBe(4)
  expect(tokens({ max_completion_tokens: 30 })).toBe(30)
  // More than the text can hold, or fewer than came.
  expect(tokens({ max_tokens: 48 })).toBe(3)
  expect(tokens({ max_tokens: 2 })).toBe(3)
  expect(tokens({})).toBe(3)
  expect(tokens({ max_tokens: 4, n: 2 })).toBe(3)
  expect(tokens({ max_tokens: 4 }, cut('stop'))).toBe(3)
  // Another server may have put a smaller limit in its place.
  expect(tokens({ max_tokens: 4 }, cut('length', {}))).toBe(3)
})

test('events with several words each hold several tokens, and are an estimate by length', () => {
  const { ask } = recorder()
  // Four tokens an event, and no usage, as some gateways send it.
  const grouped = [' w0 w1 w2 w3', ' w4 w5 w6 w7', ' w8 w9 w10 w11']
  const found = ask('chat', chat([user('a')])).answer(said(grouped))
  expect(found.all.tokenSource).toBe('estimate')
  expect(found.all.outputTokens).toBeGreaterThanOrEqual(12)
  const single = [' über', 'große', ' naï', 've', ' Wör', 'ter', ' 世', '界', '\n\n', '  ']
  const plain = ask('chat', chat([user('a')])).answer(said(single))
  expect(plain.all).toMatchObject({ tokenSource: 'stream', outputTokens: 10 })
})

test('events of a tool call may hold several tokens: they are an estimate by length', () => {
  const { ask } = recorder()
  const call = {
    index: 0,
    function: { name: 'f', arguments: '{"city": "Oslo and some more words"}' },
  }
  const found = ask('chat', chat([user('a')])).answer(
    streamed([
      {
        model: 'm',
        choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: 'tool_calls' }],
      },
    ]),
  )
  expect(found.all.tokenSource).toBe('estimate')
  expect(found.all.outputTokens).toBeGreaterThan(5)
})

test('a request that was given up before its answer has an estimated prompt and its prefix', () => {
  const { ask } = recorder()
  const { all } = ask('chat', chat([user('x y z '.repeat(100))])).bareEnd()
  expect(all.tokenSource).toBe('estimate')
  expect(all.promptTokens).toBeGreaterThan(100)
  expect(all.prefixBlocks).toBe(2)
})

test('a model’s name is kept once the server used it; before, only its keyed id', () => {
  const { ask } = recorder()
  const refused = () => ask('chat', chat([user('a')])).answer(streamed([], 404)).row.model
  expect(refused()).toMatch(/^[0-9a-f]{16}$/)
  expect(ask('chat', chat([user('a')])).answer(said(['x'])).row.model).toBe('m')
  expect(refused()).toBe('m')
})

test('an adapter stands beside the model under it, also where no answer came', () => {
  const parentOf = (route: string, name: string) =>
    route === '9000' && name === 'm' ? 'base' : null
  const { ask } = recorder({}, { parentOf })
  const adapted = { model: 'base', adapter: 'm' }
  expect(ask('chat', chat([user('a')])).answer(said(['x'])).row).toMatchObject(adapted)
  expect(ask('chat', chat([user('a')])).bareEnd().row).toMatchObject(adapted)
})

test('a sample keeps or drops whole sessions, also turns that come later', () => {
  const { ask, enricher } = recorder({ sample: '50%' })
  expect(enricher.decidesLate).toBe(true)
  let kept = 0
  for (let index = 0; index < 200; index += 1) {
    const question = user(`question ${index}`)
    const first = ask('chat', chat([question]))
    first.answer(said(['Well']))
    const second = ask('chat', chat([question, assistant('Well'), user('and?')]))
    expect(second.asked.isKept).toBe(first.asked.isKept)
    if (first.asked.isKept === true) kept += 1
  }
  expect(kept).toBeGreaterThan(70)
  expect(kept).toBeLessThan(130)
})

test('sampling needs something to sample by, and unknown rules are refused', () => {
  expect(() => recorder({ sample: '10%', sampleBy: 'tenant' })).toThrow('--sample by tenant')
  expect(() => recorder({ sessionBy: 'cookie' })).toThrow("--session-by does not know 'cookie'")
})

test('blocks by the engine’s tokens are exact, and shared by what the engine would share', async () => {
  const ids = Uint32Array.from({ length: 200 }, (_, index) => index)
  const tokens = { count: ids.length, ids }
  const { ask } = recorder({ blocks: 'engine' }, { countPrompt: () => Promise.resolve(tokens) })
  const usage = { prompt_tokens: 200, completion_tokens: 1 }
  const found = await ask('chat', chat([user('a question')])).answer(said(['a'], usage)).later
  expect(found?.row).toMatchObject({ prefixBlocks: 3 })
  expect(found?.blocks.map((block) => block.tokens)).toEqual([64, 64, 64])
  const asked = ask('completions', { model: 'm', stream: true, prompt: [...ids, 5] })
  const text = streamed([{ model: 'm', choices: [{ index: 0, text: 'x', finish_reason: 'stop' }] }])
  expect((await asked.answer(text).later)?.row.prefixLeaf).toBe(found?.row.prefixLeaf)
})
