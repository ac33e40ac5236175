/** Faults that other proxies had, each by the name under which it was published: not here. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gapsOf, rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import { ask, wireServer, type WireServer } from '../support/wire.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}'
const HEAD = 'POST /v1/completions HTTP/1.1\r\nHost: h\r\n'
/** Asked by the recorder itself, on connections of its own, when its threads are ready. */
const OWN_QUESTION = /^GET \/(?:version|v1\/models) HTTP\/1\.1\r\nhost: 127/

let server: WireServer
let trap: WireServer
let recorder: Recorder
let answer = OK
let seen: Buffer[] = []
let connections = 0
let trapped = 0

beforeAll(async () => {
  server = await wireServer((socket) => {
    let isAside = false
    socket.once('data', (first: Buffer) => {
      isAside = OWN_QUESTION.test(first.toString('latin1'))
      if (!isAside) connections += 1
    })
    socket.on('data', (bytes: Buffer) => {
      if (!isAside) seen.push(bytes)
      if (!socket.writableEnded) setTimeout(() => socket.end(isAside ? OK : answer), 20)
    })
  })
  trap = await wireServer((socket) => {
    trapped += 1
    socket.destroy()
  })
  recorder = await startRecorder(server.port)
})

afterAll(async () => {
  await recorder.stop()
  await server.close()
  await trap.close()
  recorder.remove()
})

/** Sends bytes; they must reach the server as they are, on one connection, and nobody else. */
async function passes(request: string | Buffer, wanted = OK): Promise<boolean> {
  seen = []
  connections = 0
  trapped = 0
  answer = wanted
  const { bytes } = await ask(recorder.port, request)
  expect(bytes.toString('latin1')).toBe(wanted)
  expect(Buffer.concat(seen).toString('latin1')).toBe(Buffer.from(request).toString('latin1'))
  return connections === 1 && trapped === 0
}

test('CVE-2022-31151, CVE-2024-24758, CVE-2024-30260: a redirect is passed on, not followed', async () => {
  const location = `http://127.0.0.1:${trap.port}/`
  const moved = `HTTP/1.1 307 Moved\r\nlocation: ${location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`
  expect(
    await passes(
      `${HEAD}authorization: Bearer k\r\ncookie: c=1\r\ncontent-length: 2\r\n\r\n{}`,
      moved,
    ),
  ).toBe(true)
})

test('GHSA-8qr4-xgw6-wmr3, CVE-2024-6587: no client chooses where its request goes', async () => {
  const target = `http://127.0.0.1:${trap.port}/v1/completions`
  const body = JSON.stringify({ api_base: target, base_url: target })
  expect(
    await passes(
      `POST ${target} HTTP/1.1\r\nHost: h\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    ),
  ).toBe(true)
})

test('CVE-2026-55602: Host does not choose the server', async () => {
  const host = `127.0.0.1:${trap.port}`
  expect(
    await passes(
      `POST /v1/completions HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${host}\r\ncontent-length: 2\r\n\r\n{}`,
    ),
  ).toBe(true)
})

test('GHSA-2q7r-29rg-6m5h: a path with dots and escapes is the server’s to judge', async () => {
  expect(
    await passes(
      'POST /v1/../%2e%2e/..%2fadmin HTTP/1.1\r\nHost: h\r\ncontent-length: 2\r\n\r\n{}',
    ),
  ).toBe(true)
})

test.each(['application/json\t; a', 'application/JSON ,text/plain', 'text/plain;\tq=1', ''])(
  'CVE-2022-39288, CVE-2026-25223, CVE-2026-3419, GHSA-v2v2-hph8-q5xp: content type %j changes nothing',
  async (type) => {
    const request = `${HEAD}content-type: ${type}\r\ncontent-length: 2\r\n\r\n{}`
    expect(await passes(request)).toBe(true)
  },
)

test('CVE-2025-32996, CVE-2026-55603: a body is never parsed and written again', async () => {
  const body = Buffer.from('{"a":1,"a":2, "b":1e400,"\xff":"\\u0000"}', 'latin1')
  expect(
    await passes(
      Buffer.concat([Buffer.from(`${HEAD}content-length: ${body.length}\r\n\r\n`), body]),
    ),
  ).toBe(true)
})

test('GHSA-8xcm-r25x-g524: a request whose connection broke is not sent again', async () => {
  seen = []
  connections = 0
  answer = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart'
  await ask(recorder.port, `${HEAD}content-length: 2\r\n\r\n{}`)
  expect(connections).toBe(1)
})

test('CVE-2026-21710: a header named __proto__ is a header', async () => {
  expect(await passes(`${HEAD}__proto__: x\r\nconstructor: y\r\ncontent-length: 2\r\n\r\n{}`)).toBe(
    true,
  )
})

test('CVE-2024-22019: chunk extensions without end pass, and are not kept', async () => {
  expect(
    await passes(
      `${HEAD}transfer-encoding: chunked\r\n\r\n2;${'a'.repeat(60_000)}\r\n{}\r\n0\r\n\r\n`,
    ),
  ).toBe(true)
})

/** Two readers could see different requests in each of these: bytes pass, and no row is made up. */
const AMBIGUOUS = {
  'CVE-2022-32213, CVE-2021-39214: both lengths':
    'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nPOST /v1/completions HTTP/1.1\r\n',
  'CVE-2022-32215: a header over several lines':
    'transfer-encoding:\r\n chunked\r\ncontent-length: 2\r\n\r\n{}',
  'CVE-2021-22959, CVE-2024-27982: a space before the colon':
    'content-length : 2\r\n\r\n{}POST /v1/completions HTTP/1.1\r\n\r\n',
  'CVE-2020-8287: two transfer encodings':
    'transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n',
  'CVE-2022-24766: a name with a byte that is no token': 'content\x00-length: 2\r\n\r\n{}',
  'a line that ends without CR': 'content-length: 2\n\r\n\r\n{}',
  'a length that is no number': 'content-length: +2\r\n\r\n{}',
}

test.each(Object.entries(AMBIGUOUS))('%s', async (_name, rest) => {
  expect(await passes(HEAD + rest)).toBe(true)
})

test('CVE-2024-21536: whatever was sent, the recorder is up, and says what it could not read', async () => {
  const garbage = ['\0'.repeat(100), 'GET\r\n\r\n', 'POST / HTTP/9.9\r\n\r\n', `${HEAD}\r\n`]
  for (const each of garbage) await ask(recorder.port, each)
  expect(await passes(`${HEAD}content-length: 2\r\n\r\n{}`)).toBe(true)
  await recorder.stop()
  const gaps = await gapsOf(recorder.directory)
  expect(gaps.length).toBeGreaterThanOrEqual(Object.keys(AMBIGUOUS).length)
  const rows = await rowsOf(recorder.directory)
  const bodies = new Set(rows.map(({ requestBytes }) => requestBytes))
  expect(bodies.has(null)).toBe(false)
  // The redirect, the odd bodies and the plain ones; none that a smuggled line would have made.
  expect(rows.every(({ endpoint }) => endpoint === 'completions')).toBe(true)
})
