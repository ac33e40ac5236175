/** A replay through TLS, with a key, to two targets at once. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addressHash } from '../../src/trace/address-hash.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { runReplay } from '../support/replay-run.ts'

const fixture = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname

function listener(seen: Set<string>): RequestListener {
  return (request, response) => {
    request.resume()
    const isLoad = request.headers['x-trace-replay'] !== undefined
    if (isLoad)
      seen.add(`${request.headers.authorization ?? ''} ${String(request.headers['x-team'])}`)
    response.setHeader('content-type', 'application/json')
    const model = request.url === '/v1/models'
    response.end(
      model
        ? '{"data":[{"id":"a"},{"id":"b"}]}'
        : '{"choices":[{"text":"x","finish_reason":"stop"}]}',
    )
  }
}

test('TLS with a certificate of our own, a key from a file and a header reach the server', async () => {
  const seen = new Set<string>()
  const server = createHttps(
    { key: readFileSync(fixture('server.key')), cert: readFileSync(fixture('server.pem')) },
    listener(seen),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const folder = mkdtempSync(join(tmpdir(), 'trace-key-'))
  const apiKeyFile = join(folder, 'key')
  writeFileSync(apiKeyFile, 's3cret\n')
  const rows = Array.from({ length: 8 }, (_, at): HandRow => ({
    dueUs: at * 20_000,
    isStream: false,
  }))
  const wish = { target: `https://127.0.0.1:${port}`, apiKeyFile, header: ['x-team: blue'] }
  const run = await runReplay(handPlan(rows), { ...wish, tlsCa: fixture('authority.pem') })
  expect(run.rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
  expect([...seen]).toEqual(['Bearer s3cret blue'])
  await expect(runReplay(handPlan(rows), wish)).rejects.toMatchObject({ code: 'TARGET_DOWN' })
  const trusting = await runReplay(handPlan(rows), {
    ...wish,
    tlsInsecure: true,
    connections: 'pool',
  })
  expect(trusting.rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
  server.close()
  rmSync(folder, { recursive: true })
})

test('rows go to the target that is named like their model, the others to the one without a name', async () => {
  const seen = [new Set<string>(), new Set<string>()] as const
  const servers = seen.map((each) => createHttp(listener(each)))
  const counts = [0, 0]
  for (const [at, server] of servers.entries()) {
    server.on(
      'request',
      ({ headers }) => (counts[at]! += headers['x-trace-replay'] === undefined ? 0 : 1),
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  }
  const [first, second] = servers.map(
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  )
  const rows = Array.from({ length: 9 }, (_, at): HandRow => ({
    dueUs: at * 10_000,
    isStream: false,
    model: at < 3 ? 'a' : 'b',
  }))
  const run = await runReplay(handPlan(rows), { target: [`a=${first}`, second ?? ''] })
  expect(counts).toEqual([3, 6])
  expect(new Set(run.rows.map(({ model, target }) => `${model} ${target}`)).size).toBe(2)
  for (const server of servers) server.close()
})

test('the server that a trace was recorded from gets nothing of it, unless that is allowed', async () => {
  const seen = new Set<string>()
  const server = createHttp(listener(seen))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const plan = handPlan([{ dueUs: 0, isStream: false, model: 'a' }])
  const own = { addressHash: addressHash('s', '127.0.0.1', port), addressSalt: 's' }
  const recorded = { ...plan, source: { ...plan.source, ...own } }
  const wish = { target: `http://127.0.0.1:${port}` }
  await expect(runReplay(recorded, wish)).rejects.toMatchObject({ code: 'TARGET_UNFIT' })
  expect(seen.size).toBe(0)
  const run = await runReplay(recorded, { ...wish, allowSource: true })
  expect(run.rows.map(({ outcome }) => outcome)).toEqual(['ok'])
  server.close()
})

test('a target that never answers a request, or is busy, is refused within --timeout and by its name', async () => {
  const quiet = createHttp((request, response) => {
    if (request.method === 'GET') listener(new Set())(request, response)
  })
  const busy = createHttp((request, response) => {
    if (request.method === 'GET') return listener(new Set())(request, response)
    response.writeHead(429)
    return response.end()
  })
  for (const [server, says] of [
    [quiet, 'in time'],
    [busy, 'is busy, it answers 429'],
  ] as const) {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const wish = { target: `http://127.0.0.1:${port}`, timeout: '500ms' }
    await expect(runReplay(handPlan([{ dueUs: 0 }]), wish)).rejects.toThrow(says)
    server.closeAllConnections()
    server.close()
  }
})

test('a server that takes an answer limit by its newer name only is spoken to by that name', async () => {
  const limits: unknown[] = []
  const server = createHttp((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/v1/models') return response.end('{"data":[{"id":"a"}]}')
      if (request.method !== 'POST') return response.writeHead(404).end()
      const body = JSON.parse(text) as Record<string, unknown>
      if ('max_tokens' in body) return response.writeHead(400).end('{"error":{}}')
      if (body['temperature'] === 9) {
        return response.writeHead(400).end('{"error":{"message":"temperature is too high"}}')
      }
      if (request.headers['x-trace-replay'] !== undefined)
        limits.push(body['max_completion_tokens'])
      const usage = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 }
      const choices = [{ message: { content: 'x' }, finish_reason: 'length' }]
      return response.end(JSON.stringify({ choices, usage }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const rows = Array.from({ length: 6 }, (_, at): HandRow => ({
    dueUs: at * 10_000,
    isStream: false,
    endpoint: 'chat',
    outputTokens: 5,
  }))
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const run = await runReplay(handPlan(rows), { target })
  expect(run.rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
  expect(limits).toEqual(rows.map(() => 5))
  const hot = rows.map((row) => ({ ...row, params: '{"temperature":9}' }))
  await expect(runReplay(handPlan(hot), { target })).rejects.toThrow(
    'refuses every form of /v1/chat/completions: 400 temperature is too high',
  )
  server.close()
})

test('what is too long for the target is left out at its own instant, and is no error', async () => {
  const server = createHttp((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    const isList = request.url === '/v1/models'
    response.end(
      isList
        ? '{"data":[{"id":"m","max_model_len":500}]}'
        : '{"choices":[{"text":"a","finish_reason":"stop"}]}',
    )
  })
  await new Promise<void>((done) => server.listen(25_001, '127.0.0.1', done))
  // More than one message's worth: they are told before anything is due.
  const rows = Array.from({ length: 400 }, (_, at): HandRow => ({
    dueUs: at * 1_000,
    promptTokens: at % 20 === 0 ? 30 : 2_000,
    isStream: false,
  }))
  const run = await runReplay(handPlan(rows), {
    target: 'http://127.0.0.1:25001',
    tooLong: 'skip',
  })
  server.close()
  const bySeq = run.rows.toSorted((a, b) => a.seq - b.seq)
  expect(bySeq.map(({ atUs }) => atUs)).toEqual(rows.map(({ dueUs }) => dueUs))
  expect(bySeq.filter(({ outcome }) => outcome === 'not_sent').length).toBe(380)
  expect(run.fidelity).toMatchObject({ sent: 20, dropped: 380 })
})
