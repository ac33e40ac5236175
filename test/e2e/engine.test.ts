/** The simulated server over real sockets: slow readers, hang-ups, limits, its end, its log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { HttpClient } from '../../src/base/http.ts'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import type { Profile } from '../../src/engine/profile.ts'
import type { LoggedRequest } from '../../src/engine/engine-log.ts'
import {
  ENGINE_DEFAULTS,
  type RawEngineOptions,
  parseEngineOptions,
} from '../../src/engine/options.ts'
import { exchangeBytes } from '../support/raw-http.ts'
import { REFUSED_ASKS } from '../support/refused-asks.ts'

const engines: Engine[] = []

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

async function start(
  switches: Partial<RawEngineOptions> = {},
  constants: Partial<Profile> = {},
): Promise<Engine> {
  const raw = { ...ENGINE_DEFAULTS, listen: '127.0.0.1:0', prefixCaching: true }
  const options = parseEngineOptions({ ...raw, profile: 'tiny-cpu', ...switches })
  const profile = { ...options.settings.profile, ...constants }
  const settings = { ...options.settings, profile }
  const engine = await startEngine({ ...options, settings }, systemClock)
  engines.push(engine)
  return engine
}

const portOf = ({ url }: Engine) => Number(new URL(url).port)

function post(path: string, body: object, more = 'Connection: close\r\n'): string {
  const text = JSON.stringify(body)
  return (
    `POST ${path} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n${more}\r\n${text}`
  )
}

async function metric(engine: Engine, name: string): Promise<number> {
  const client = new HttpClient()
  const { text } = await client.call(`${engine.url}/metrics`)
  await client.close()
  const line = text.split('\n').find((row) => row.startsWith(name))
  return Number(line?.split(' ').at(-1))
}

/** Waits for a state that is sure to come. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10)
}

describe('the simulated server', () => {
  test('a slow reader gets several tokens in one event, and every token once', async () => {
    const engine = await start({ profile: 'steady-20ms' }, { stepUs: 100 })
    const tokenCount = 12_000
    // Large events, so that what the kernel holds for a reader that does not read is soon full.
    const body = { prompt: [1, 2], max_tokens: tokenCount, ignore_eos: true, stream: true }
    const socket = connect(portOf(engine), '127.0.0.1')
    socket.write(post('/v1/completions', { ...body, logprobs: 20, return_token_ids: true }))
    socket.pause()
    await until(async () => (await metric(engine, 'vllm:generation_tokens_total{')) === tokenCount)
    const parts: Buffer[] = []
    for await (const part of socket) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString('utf8')
    const counts = [...text.matchAll(/"token_ids":\[([\d,]+)\]\}/g)].map(
      ([, ids = '']) => ids.split(',').length,
    )
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(tokenCount)
    expect(Math.max(...counts)).toBeGreaterThan(1)
  })

  test('headers come at once, while the request still waits in the queue', async () => {
    const engine = await start({ maxNumSeqs: '1' })
    const long = { prompt: [1], max_tokens: 4_000, ignore_eos: true, stream: true }
    const first = connect(portOf(engine), '127.0.0.1')
    first.write(post('/v1/completions', long))
    await until(async () => (await metric(engine, 'vllm:num_requests_running')) === 1)
    const second = connect(portOf(engine), '127.0.0.1')
    second.write(post('/v1/completions', long))
    const { promise, resolve } = Promise.withResolvers<string>()
    second.once('data', (part: Buffer) => resolve(part.toString('utf8')))
    expect(await promise).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(await metric(engine, 'vllm:num_requests_waiting{')).toBe(1)
    first.destroy()
    second.destroy()
  })

  test('a hang-up frees the slot, and no metric counts it', async () => {
    const engine = await start({ maxNumSeqs: '1' })
    const long = { prompt: [1], max_tokens: 8_000, ignore_eos: true, stream: true }
    const socket = connect(portOf(engine), '127.0.0.1')
    socket.write(post('/v1/completions', long))
    await until(async () => (await metric(engine, 'vllm:generation_tokens_total{')) > 3)
    socket.destroy()
    const next = { prompt: [2], max_tokens: 2, ignore_eos: true }
    const answer = await exchangeBytes(portOf(engine), post('/v1/completions', next))
    expect(answer.toString('utf8')).toContain('"finish_reason":"length"')
    expect(
      await metric(engine, 'vllm:request_success_total{engine="0",finished_reason="abort"'),
    ).toBe(0)
    expect(await metric(engine, 'vllm:e2e_request_latency_seconds_count')).toBe(1)
    expect(await metric(engine, 'vllm:prompt_tokens_total{')).toBe(2)
  })

  test('beyond its queue limit it answers 503, and counts the rejection', async () => {
    const engine = await start({ maxNumSeqs: '1', maxNumQueuedReqs: '0' })
    const body = { prompt: [1], max_tokens: 8, ignore_eos: true }
    const answer = await exchangeBytes(portOf(engine), post('/v1/completions', body))
    const text = answer.toString('utf8')
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
    expect(text).toContain('"type":"Service Unavailable","param":null,"code":503')
    expect(text.toLowerCase()).not.toContain('retry-after')
    expect(await metric(engine, 'vllm:admission_rejections_total')).toBe(1)
  })

  test('with --keep-alive a silent stream gets comments, before its first event too', async () => {
    const engine = await start({ maxNumSeqs: '1', keepAlive: '100ms' })
    const body = { prompt: [1], ignore_eos: true, stream: true }
    const first = exchangeBytes(
      portOf(engine),
      post('/v1/completions', { ...body, max_tokens: 150 }),
    )
    await until(async () => (await metric(engine, 'vllm:num_requests_running')) === 1)
    const second = post('/v1/completions', { ...body, max_tokens: 1 })
    const text = (await exchangeBytes(portOf(engine), second)).toString('utf8')
    expect(text).toMatch(/\r\n\r\ne\r\n: keep-alive\n\n\r\n/)
    await first
  })

  test('one connection carries one request after the other', async () => {
    const engine = await start()
    const body = { prompt: [1], max_tokens: 3, ignore_eos: true, stream: true }
    const requests = post('/v1/completions', body, '') + post('/v1/completions', body)
    const text = (await exchangeBytes(portOf(engine), requests)).toString('utf8')
    expect(text.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(2)
    expect(text.match(/data: \[DONE\]/g)?.length).toBe(2)
    expect(text.match(/connection: close/g)?.length).toBe(1)
  })

  test('answers depend on the seed alone', async () => {
    const body = { prompt: 'Hello', max_tokens: 12, ignore_eos: true, n: 2 }
    const textsWith = async (seed: string) => {
      const engine = await start({ seed })
      const answer = await exchangeBytes(portOf(engine), post('/v1/completions', body))
      return [...answer.toString('utf8').matchAll(/"text":"[^"]*"/g)].map(([text]) => text)
    }
    const texts = await textsWith('a')
    expect(texts[0]).not.toBe(texts[1])
    expect(await textsWith('a')).toEqual(texts)
    expect(await textsWith('b')).not.toEqual(texts)
  })

  test('when it ends, an open stream gets an error event, the usual end, and a whole answer a 500', async () => {
    const engine = await start()
    const long = { prompt: [1], max_tokens: 8_000, ignore_eos: true }
    const stream = exchangeBytes(portOf(engine), post('/v1/completions', { ...long, stream: true }))
    const whole = exchangeBytes(portOf(engine), post('/v1/completions', long))
    await until(async () => (await metric(engine, 'vllm:num_requests_running')) === 2)
    engines.length = 0
    await engine.close()
    const text = (await stream).toString('utf8')
    expect(text).toContain('data: {"error": {"message": "EngineCore encountered an issue.')
    expect(text.endsWith('data: [DONE]\n\n\r\n0\r\n\r\n')).toBe(true)
    expect((await whole).toString('utf8')).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/)
  })

  test('its log has every request with the times of all its tokens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trace-engine-'))
    const log = join(folder, 'log.jsonl')
    const engine = await start({ log })
    const beforeUs = systemClock.nowUs()
    const body = { prompt: [1, 2, 3], max_tokens: 5, ignore_eos: true, stream: true }
    await exchangeBytes(
      portOf(engine),
      post('/v1/completions', body, 'Connection: close\r\nX-Request-Id: mine\r\n'),
    )
    engines.length = 0
    await engine.close()
    const [row] = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LoggedRequest)
    rmSync(folder, { recursive: true })
    expect(row).toMatchObject({
      id: 'cmpl-mine',
      dialect: 'completions',
      promptTokens: 3,
      outputTokens: 5,
      tokens: [1, 1, 1, 1, 1],
      end: 'done',
    })
    const times = [beforeUs, row?.receivedUs, row?.headersUs, ...(row?.sentUs ?? []), row?.endUs]
    expect(times).toEqual(times.toSorted((a, b) => Number(a) - Number(b)))
  })
})

describe('what vLLM refuses, in the same words', () => {
  test.each(REFUSED_ASKS)('$name', async ({ path, body, message, param }) => {
    const engine = await start()
    const client = new HttpClient()
    const { status, text } = await client.call(engine.url + path, { json: body })
    await client.close()
    expect(status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({ error: { message, param, code: 400 } })
  })
})

test('echo shows the prompt with its tokens, alone where no tokens are asked for', async () => {
  const engine = await start()
  const client = new HttpClient()
  const ask = async (more: object) => {
    const json = { prompt: 'hello there', echo: true, logprobs: 0, ...more }
    const answer = await client.callJson(`${engine.url}/v1/completions`, { json })
    return (answer as { choices: { text: string; logprobs: Record<string, unknown[]> }[] })
      .choices[0]
  }
  const alone = await ask({ max_tokens: 0 })
  expect(alone?.text).toBe('hello there')
  expect(alone?.logprobs).toMatchObject({ text_offset: [0, 5], tokens: ['hello', ' there'] })
  expect(alone?.logprobs['token_logprobs']?.[0]).toBeNull()
  const both = await ask({ max_tokens: 2 })
  expect(both?.logprobs['tokens']).toHaveLength(4)
  expect(both?.text).toBe(both?.logprobs['tokens']?.join(''))
  await client.close()
})

test('an address of another machine is refused plainly, and leaves an older log alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-engine-'))
  const log = join(folder, 'log.jsonl')
  writeFileSync(log, 'older')
  await expect(start({ listen: '192.0.2.1:8000', log })).rejects.toMatchObject({
    code: 'BAD_OPTION',
    message: '192.0.2.1:8000 cannot be listened on',
  })
  expect(readFileSync(log, 'utf8')).toBe('older')
  rmSync(folder, { recursive: true })
})
