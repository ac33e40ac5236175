/**
 * Faults that HTTP clients and servers had, each by the name under which it was published: not where
 * the recorder asks on its own account, not on its admin listener, and not between two clients. (Those
 * of parsers on the path are in record-advisories; GHSA-527g-3w9m-29hv is about LDAP, which is not here.)
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { adminServer } from '../../src/live/admin.ts'
import type { RecordControl } from '../../src/record/control.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { gapsOf, rowsOf, startRecorder } from '../support/recorder.ts'
import { ask, freePort, wireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const HEAD = 'POST /v1/completions HTTP/1.1\r\nHost: h\r\n'
const ASKED = `${HEAD}content-length: 2\r\n\r\n{}`

/** Answers each connection once with what `answer` makes of the request, and closes it. */
async function answering(answer: (request: string) => string) {
  const seen: string[] = []
  const server = await wireServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const request = bytes.toString('latin1')
      seen.push(request)
      socket.end(answer(request))
    })
  })
  cleanUps.push(server.close)
  return { port: server.port, origin: `http://127.0.0.1:${server.port}`, seen }
}

const ok = (text: string, headers = '') =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`

async function recorderFor(port: number, changes: Parameters<typeof startRecorder>[1] = {}) {
  const recorder = await startRecorder(port, changes)
  cleanUps.push(recorder.remove, recorder.stop)
  return recorder
}

test('GHSA-v574-6498-x57v: the same target on two routes goes to the server of each', async () => {
  const [one, two] = [await answering(() => ok('one')), await answering(() => ok('two'))]
  const second = await freePort()
  const recorder = await recorderFor(one.port, { route: [`127.0.0.1:${second}=${two.origin}`] })
  for (const [port, text] of [
    [recorder.port, 'one'],
    [second, 'two'],
    [recorder.port, 'one'],
  ] as const) {
    expect((await ask(port, ASKED)).bytes.toString()).toBe(ok(text))
  }
})

test('GHSA-4cwx-7wf7-3272: what one client was told is not told to another', async () => {
  const cacheable = 'cache-control: public, max-age=3600\r\nvary: accept\r\n'
  const server = await answering((request) =>
    ok(/authorization: (\w+)/.exec(request)?.[1] ?? '', cacheable),
  )
  const recorder = await recorderFor(server.port)
  for (const name of ['anna', 'bert', 'anna']) {
    const { bytes } = await ask(
      recorder.port,
      `GET /v1/models HTTP/1.1\r\nauthorization: ${name}\r\n\r\n`,
    )
    expect(bytes.toString()).toBe(ok(name, cacheable))
  }
  expect(server.seen.filter((request) => request.includes('authorization')).length).toBe(3)
})

test('GHSA-v3r7-h72x-cjcm, GHSA-jr45-8vmc-qm54: cookies pass as they are, and are kept for nobody', async () => {
  const cookies = 'set-cookie: a=1; path=/; domain=x\r\nSet-Cookie: b="; secure"; \tHttpOnly\r\n'
  const server = await answering(() => ok('{}', cookies))
  const recorder = await recorderFor(server.port)
  for (let again = 0; again < 2; again += 1) {
    expect((await ask(recorder.port, ASKED)).bytes.toString()).toBe(ok('{}', cookies))
  }
  const client = new HttpClient()
  await client.call(`${server.origin}/version`)
  await client.call(`${server.origin}/version`)
  await client.close()
  expect(server.seen.some((request) => /^cookie:/im.test(request))).toBe(false)
})

test.each([
  ['GHSA-3cvr-822r-rqcc', 'a path', `/v1/models HTTP/1.1\r\nx-evil: 1\r\n\r\nGET /`, {}],
  ['GHSA-f772-66g8-q5h3', 'a content type', '/', { 'content-type': 'a\r\nx-evil: 1' }],
  ['GHSA-5r9g-qh6m-jxff', 'a host', '/', { host: 'a\r\nx-evil: 1' }],
  ['GHSA-m8rv-5g2x-5cg5', 'a key', '/', { authorization: 'Bearer a\r\nx-evil: 1' }],
] as const)(
  '%s: a line break in %s of a question of ours makes no header of its own',
  async (_name, _where, path, headers) => {
    const server = await answering(() => ok('{}'))
    const client = new HttpClient()
    await client.call(`${server.origin}${path}`, { headers }).catch(() => undefined)
    await client.close()
    expect(server.seen.filter((request) => /^x-evil:/im.test(request))).toEqual([])
  },
)

test('GHSA-9f24-jqhm-jfcw: an answer without end to a question of ours is given up at its limit', async () => {
  const ended = Promise.withResolvers<void>()
  const server = await wireServer((socket) => {
    socket.once('close', () => ended.resolve())
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const pump = () => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      }
      socket.on('drain', pump)
      pump()
    })
  })
  cleanUps.push(server.close)
  const client = new HttpClient()
  const call = client.call(`http://127.0.0.1:${server.port}/version`, { bodyLimitBytes: 1_000_000 })
  await expect(call).rejects.toThrow('longer than 1000000 bytes')
  await ended.promise
  await client.close()
})

test('GHSA-847f-9342-265h: HTTP/2 is never spoken for a client; what it says passes, unread', async () => {
  const server = await answering(() => 'no HTTP/2 here')
  const recorder = await recorderFor(server.port)
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
  expect((await ask(recorder.port, preface)).bytes.toString()).toBe('no HTTP/2 here')
  expect(server.seen).toContain(preface)
  await recorder.stop()
  expect(await rowsOf(recorder.directory)).toEqual([])
  expect((await gapsOf(recorder.directory)).map(({ reason }) => reason)).toEqual(['unreadable'])
})

const ODD_TYPES = [
  'application/json\t; a',
  'application/json\ta',
  'application/JSON ,text/plain',
  'text/plain;\tq=1',
  '; charset=utf-8',
  'a'.repeat(5_000),
]

test.each(ODD_TYPES)(
  'CVE-2022-39288, CVE-2026-25223, CVE-2026-3419: content type %j gets nothing past the admin listener',
  async (type) => {
    const marks: string[] = []
    const control = { mark: (text: string) => void marks.push(text) } as unknown as RecordControl
    const server = adminServer(control, 'token')
    const headers = { authorization: 'Bearer token', 'content-type': type }
    for (const payload of ['{"text":""}', '{"text":{"a":1}}', '{"text":', 'text=deploy']) {
      const { statusCode } = await server.inject({ method: 'POST', url: '/mark', headers, payload })
      expect(statusCode).toBe(400)
    }
    const unnamed = { 'content-type': type }
    const { statusCode } = await server.inject({ method: 'POST', url: '/pause', headers: unnamed })
    expect(statusCode).toBe(401)
    expect(marks).toEqual([])
    await server.close()
  },
)

test.each([
  ['undici', [8, 9, 0]],
  ['fastify', [5, 8, 1]],
] as const)(
  '%s is at or above the release in which its published faults were mended',
  (name, least) => {
    const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
    const parts = version.split('.').map(Number)
    const place = least.findIndex((part, index) => parts[index] !== part)
    expect(place < 0 || (parts[place] ?? 0) > (least[place] ?? 0)).toBe(true)
  },
)
