/**
 * The simulated server and a real one, asked the same: heads, framing, JSON, errors and the counters
 * that move. Skipped unless TRACE_VLLM_URL names a vLLM server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { HttpClient } from '../../src/base/http.ts'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { cachedAsks } from '../support/cached-asks.ts'
import { exchangeBytes } from '../support/raw-http.ts'
import { REFUSED_ASKS } from '../support/refused-asks.ts'
import { shapeOf } from '../support/vllm-shape.ts'

const url = process.env['TRACE_VLLM_URL']

type Ask = readonly [
  name: string,
  method: string,
  path: string,
  body?: unknown,
  head?: string | undefined,
]

const hello = { messages: [{ role: 'user', content: 'Say hello' }] }
const exact = { ignore_eos: true, temperature: 1, seed: 3 }
const usage = { stream: true, stream_options: { include_usage: true } }
const everyUsage = {
  stream: true,
  stream_options: { include_usage: true, continuous_usage_stats: true },
}
const CHAT = '/v1/chat/completions'
const TEXT = '/v1/completions'

const ASKS: readonly Ask[] = [
  ['a chat stream', 'POST', CHAT, { ...hello, ...exact, max_tokens: 4, stream: true }],
  ['a chat stream with usage', 'POST', CHAT, { ...hello, ...exact, ...usage, max_tokens: 4 }],
  ['usage on each event', 'POST', CHAT, { ...hello, ...exact, ...everyUsage, max_tokens: 4 }],
  ['chat, whole', 'POST', CHAT, { ...hello, ...exact, max_tokens: 3 }],
  [
    'chat with token ids',
    'POST',
    CHAT,
    { ...hello, ...exact, max_tokens: 3, return_token_ids: true },
  ],
  ['two chat answers', 'POST', CHAT, { ...hello, ...exact, max_tokens: 2, n: 2 }],
  [
    'parts of text',
    'POST',
    CHAT,
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }], max_tokens: 1 },
  ],
  ['a message without content', 'POST', CHAT, { messages: [{ role: 'user' }], max_tokens: 1 }],
  ['a completion of ids', 'POST', TEXT, { prompt: [9707, 1052], ...exact, max_tokens: 3 }],
  [
    'a stream of ids',
    'POST',
    TEXT,
    { prompt: [9707, 1052], ...exact, max_tokens: 3, stream: true, return_token_ids: true },
  ],
  [
    'four tokens an event',
    'POST',
    TEXT,
    { prompt: 'Hi', ...exact, ...usage, max_tokens: 9, stream_interval: 4 },
  ],
  ['two prompts', 'POST', TEXT, { prompt: ['Hi', 'Hello there'], ...exact, max_tokens: 2 }],
  ['echo', 'POST', TEXT, { prompt: 'Hi', ...exact, max_tokens: 2, echo: true }],
  ['an echo alone', 'POST', TEXT, { prompt: 'Hi', ...exact, max_tokens: 0, echo: true }],
  [
    'the end of a prompt',
    'POST',
    TEXT,
    { prompt: [1, 2, 3], max_tokens: 1, truncate_prompt_tokens: 2 },
  ],
  ['an answer that is not kept', 'GET', '/v1/responses/resp_1'],
  ['sixteen tokens by default', 'POST', TEXT, { prompt: 'Hi', ...exact }],
  [
    'a given request id',
    'POST',
    TEXT,
    { prompt: 'Hi', ...exact, max_tokens: 1 },
    'X-Request-Id: given\r\n',
  ],
  ['unknown fields', 'POST', TEXT, { prompt: 'Hi', ...exact, max_tokens: 1, wish: 'none' }],
  [
    'responses',
    'POST',
    '/v1/responses',
    { input: 'Say hello', max_output_tokens: 3, temperature: 0 },
  ],
  [
    'a responses stream',
    'POST',
    '/v1/responses',
    { input: 'Say hello', max_output_tokens: 3, temperature: 0, stream: true },
  ],
  ['messages', 'POST', '/v1/messages', { ...hello, model: 'tiny', max_tokens: 3 }],
  [
    'a messages stream',
    'POST',
    '/v1/messages',
    { ...hello, model: 'tiny', max_tokens: 3, stream: true, system: 'Be brief.' },
  ],
  ['tokens of messages', 'POST', '/v1/messages/count_tokens', { ...hello, model: 'tiny' }],
  ['tokens of a text', 'POST', '/tokenize', { prompt: 'Hello there' }],
  ['text of tokens', 'POST', '/detokenize', { tokens: [9707, 1052] }],
  ['an unknown token', 'POST', '/detokenize', { tokens: [999_999] }],
  ['the models', 'GET', '/v1/models'],
  ['the version', 'GET', '/version'],
  ['its health', 'GET', '/health'],
  ['a ping', 'POST', '/ping', {}],
  ['its load', 'GET', '/load'],
  ['no such path', 'GET', '/v1/nothing'],
  ['the wrong method', 'DELETE', '/v1/models'],
  ['an unknown model', 'POST', TEXT, { model: 'nope', prompt: 'Hi' }],
  [
    'an unknown model in messages',
    'POST',
    '/v1/messages',
    { ...hello, model: 'nope', max_tokens: 3 },
  ],
  ['no messages', 'POST', CHAT, {}],
  ['messages that are text', 'POST', CHAT, { messages: 'hello' }],
  ['no input', 'POST', '/v1/responses', { model: 'tiny', stream: false }],
  ['n of 0', 'POST', TEXT, { prompt: 'Hi', n: 0 }],
  ['top_p of 2', 'POST', TEXT, { prompt: 'Hi', top_p: 2 }],
  ['temperature of 3', 'POST', TEXT, { prompt: 'Hi', temperature: 3 }],
  ['a temperature that is a word', 'POST', TEXT, { prompt: 'Hi', temperature: 'hot' }],
  ['half a token', 'POST', TEXT, { prompt: 'Hi', max_tokens: 1.5 }],
  ['two wrong fields', 'POST', TEXT, { prompt: 'Hi', max_tokens: 'x', n: 'y' }],
  ['a stream that is maybe', 'POST', TEXT, { prompt: 'Hi', stream: 'maybe' }],
  ['a prompt that is a number', 'POST', TEXT, { prompt: 5 }],
  ['a list as the body', 'POST', TEXT, [1]],
  ['too many stops', 'POST', TEXT, { prompt: 'Hi', stop: ['a', 'b', 'c', 'd', 'e'] }],
  ['an empty stop', 'POST', TEXT, { prompt: 'Hi', stop: '' }],
  ['empty prompts', 'POST', TEXT, { prompt: ['', ''], max_tokens: 1 }],
  [
    'too many tokens in messages',
    'POST',
    '/v1/messages',
    { ...hello, model: 'tiny', max_tokens: 9_000 },
  ],
  ['no tokens to make text of', 'POST', '/detokenize', {}],
  ['nothing to tokenize', 'POST', '/tokenize', {}],
]

function bytesOf([, method, path, body, head = '']: Ask): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const type = body === undefined ? '' : 'Content-Type: application/json\r\n'
  return (
    `${method} ${path} HTTP/1.1\r\nHost: vllm\r\n${type}${head}Connection: close\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  )
}

describe.skipIf(url === undefined)(
  'beside a real vLLM (skipped: TRACE_VLLM_URL is not set)',
  () => {
    const realUrl = new URL(url ?? 'http://127.0.0.1:8000')
    let engine: Engine

    beforeAll(async () => {
      const raw = { ...ENGINE_DEFAULTS, listen: '127.0.0.1:0', profile: 'tiny-cpu' }
      engine = await startEngine(parseEngineOptions({ ...raw, prefixCaching: true }), systemClock)
    })
    afterAll(() => engine.close())

    const both = async (request: string) => {
      const simulated = await exchangeBytes(Number(new URL(engine.url).port), request)
      const real = await exchangeBytes(Number(realUrl.port), request)
      return {
        simulated: shapeOf(simulated.toString('utf8')),
        real: shapeOf(real.toString('utf8')),
      }
    }

    test.each(ASKS.map((ask) => ({ name: ask[0], ask })))('$name', async ({ ask }) => {
      const { simulated, real } = await both(bytesOf(ask))
      expect(simulated).toBe(real)
    })

    test.each(REFUSED_ASKS)('refused: $name', async ({ name, path, body }) => {
      const { simulated, real } = await both(bytesOf([name, 'POST', path, body]))
      expect(simulated).toBe(real)
    })

    test.each([
      ['an escape that is none', '{"prompt":"h\\qi"}'],
      ['half a code point', '{"prompt":"\\u12"}'],
      ['a comma too many', '{"model":"tiny",}'],
      ['a comma too few', '{"model":"tiny" "a":1}'],
      ['more after the end', '{"model":"tiny"} x'],
      ['a bare word', 'hello'],
      ['a text that does not end', '{"prompt":"Hel'],
      ['no colon', '{"a" 1}'],
      ['nothing', ''],
    ])('JSON with %s', async (_, text) => {
      const head =
        'POST /v1/completions HTTP/1.1\r\nHost: vllm\r\nContent-Type: application/json\r\n'
      const length = `Connection: close\r\nContent-Length: ${text.length}\r\n\r\n`
      const { simulated, real } = await both(head + length + text)
      expect(simulated).toBe(real)
    })

    test('the same requests move the same counters by the same amounts', async () => {
      const requests = [
        { prompt: [5, 6, 7], max_tokens: 4, ignore_eos: true, n: 2 },
        { prompt: [[1], [2, 3]], max_tokens: 3, ignore_eos: true, stream: true },
        { prompt: 'Hi', max_tokens: 0 },
        ...cachedAsks(Math.floor(systemClock.wallUs() / 1_000_000)),
      ].map((body) => bytesOf(['', 'POST', TEXT, body]))
      const movedBy = async (origin: string) => {
        const before = await countersOf(origin)
        for (const request of requests) await exchangeBytes(Number(new URL(origin).port), request)
        const after = await countersOf(origin)
        return Object.fromEntries(
          [...after].flatMap(([name, value]) => {
            const moved = value - (before.get(name) ?? 0)
            return moved === 0 ? [] : [[name, moved]]
          }),
        )
      }
      expect(await movedBy(engine.url)).toEqual(await movedBy(realUrl.origin))
    })
  },
)

/** Counts that depend on the requests alone, not on their timing. */
const COUNTED =
  /^(vllm:(prompt_tokens|generation_tokens|request_success|prefix_cache_queries|prefix_cache_hits|prompt_tokens_cached)_total|http_requests_total|vllm:(e2e_request_latency_seconds|time_to_first_token_seconds|inter_token_latency_seconds|request_time_per_output_token_seconds|request_prompt_tokens|request_generation_tokens|request_params_n|request_params_max_tokens|request_max_num_generation_tokens|request_prefill_kv_computed_tokens)_(count|sum)|vllm:iteration_tokens_total_sum)[ {]/

async function countersOf(origin: string): Promise<Map<string, number>> {
  const client = new HttpClient()
  const { text } = await client.call(`${origin}/metrics`)
  await client.close()
  const rows = text.split('\n').filter((row) => COUNTED.test(row) && !/seconds_sum/.test(row))
  return new Map(
    rows.map((row) => {
      const at = row.lastIndexOf(' ')
      return [row.slice(0, at), Number(row.slice(at + 1))]
    }),
  )
}
