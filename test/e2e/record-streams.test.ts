/** Many streams at once, hang-ups, absences: what passes, and what the rows say of it. */
import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { TraceError } from '../../src/base/errors.ts'
import { checkedDigest, digestsOf } from '../../src/share/whole-trace.ts'
import { rowDigest } from '../../src/trace/digest.ts'
import { openTrace } from '../../src/trace/open.ts'
import { rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import {
  ask,
  completionRequest,
  freePort,
  sha256,
  watch,
  wireClient,
  wireServer,
  type WireServer,
} from '../support/wire.ts'

let server: WireServer | null = null
let recorder: Recorder | null = null

afterEach(async () => {
  await recorder?.stop()
  await server?.close()
  recorder?.remove()
  server = null
  recorder = null
})

const REQUEST = completionRequest({ model: 'm', prompt: 'p', max_tokens: 9, stream: true })
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
  'transfer-encoding: chunked\r\n\r\n'

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function token(text: string, finish: string | null = null): string {
  const choice = { index: 0, text, finish_reason: finish }
  return chunk(`data: ${JSON.stringify({ id: 'cmpl-1', model: 'm', choices: [choice] })}\n\n`)
}

const END = `${chunk('data: [DONE]\n\n')}0\r\n\r\n`

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

test('200 slow clients each get their own bytes, and each is a row', async () => {
  const streams = 200
  const sent = new Map<string, string>()
  server = await wireServer((socket) => void serve(socket))

  async function serve(socket: Socket): Promise<void> {
    const name = await nameOf(socket)
    const hash = createHash('sha256')
    const say = (text: string) => {
      hash.update(text)
      return socket.write(text)
    }
    say(STREAM_HEAD)
    for (let index = 0; index < 30; index += 1) {
      const text = `${name}-${randomBytes(1_500).toString('hex')}`
      const isRoom = say(token(text, index === 29 ? 'length' : null))
      if (isRoom) await wait(1)
      else await new Promise((resolve) => socket.once('drain', resolve))
    }
    say(END)
    sent.set(name, hash.digest('hex'))
  }

  recorder = await startRecorder(server.port)
  const { port } = recorder
  const got = await Promise.all(
    Array.from({ length: streams }, async (_unused, index) => {
      const name = `n${String(index).padStart(4, '0')}`
      const socket = await wireClient(port)
      socket.write(REQUEST.replace('Host: h', `X-Name: ${name}`))
      const hash = createHash('sha256')
      let tail = ''
      for await (const bytes of socket as AsyncIterable<Buffer>) {
        hash.update(bytes)
        tail = (tail + bytes.toString('latin1')).slice(-END.length)
        if (tail === END) break
        // Reads slowly: the recorder has to hold the server back.
        if (index % 3 === 0) await wait(2)
      }
      return [name, hash.digest('hex')] as const
    }),
  )
  expect(got.filter(([name, digest]) => digest !== sent.get(name))).toEqual([])
  await recorder.stop()
  const rows = await rowsOf(recorder.directory)
  expect(rows.length).toBe(streams)
  expect(new Set(rows.map(({ outcome, outputTokens }) => `${outcome} ${outputTokens}`))).toEqual(
    new Set(['ok 30']),
  )
})

async function nameOf(socket: Socket): Promise<string> {
  let head = ''
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      head += bytes.toString('latin1')
      const found = /X-Name: (\w+)/.exec(head)
      if (found !== null && head.endsWith('}')) resolve(found[1] ?? '')
    })
  })
}

test.each([
  ['FIN', (socket: Socket) => socket.destroy()],
  ['RST', (socket: Socket) => socket.resetAndDestroy()],
] as const)(
  'a client that leaves by %s is gone for the server too, and a client_abort row',
  async (_name, leave) => {
    const serverSaw = Promise.withResolvers<string>()
    server = await wireServer((socket) => {
      socket.on('end', () => serverSaw.resolve('fin'))
      socket.on('error', () => serverSaw.resolve('reset'))
      socket.on('end', () => socket.destroy())
      socket.once('data', () => socket.write(STREAM_HEAD + token('a') + token('b') + token('c')))
    })
    recorder = await startRecorder(server.port)
    const client = await wireClient(recorder.port)
    client.on('error', () => undefined)
    client.write(REQUEST)
    await new Promise((resolve) => client.once('data', resolve))
    leave(client)
    expect(['fin', 'reset']).toContain(await serverSaw.promise)
    await recorder.stop()
    const [row] = await rowsOf(recorder.directory)
    expect(row).toMatchObject({ outcome: 'client_abort', outputTokens: 3, status: 200 })
    expect(row?.abortUs).toBeGreaterThan(0)
  },
)

test('a client that leaves before any answer is a client_abort without status', async () => {
  const serverSaw = Promise.withResolvers<void>()
  server = await wireServer((socket) => {
    socket.on('end', () => {
      serverSaw.resolve()
      socket.destroy()
    })
    socket.on('data', () => undefined)
  })
  recorder = await startRecorder(server.port)
  const client = await wireClient(recorder.port)
  client.write(REQUEST)
  await wait(50)
  client.destroy()
  await serverSaw.promise
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'client_abort', status: null, maxTokens: 9, stream: true })
})

test.each([
  ['FIN', 'truncated', (socket: Socket) => socket.end()],
  ['RST', 'upstream_reset', (socket: Socket) => socket.resetAndDestroy()],
] as const)('a stream that the server cuts by %s is a row %s', async (_name, outcome, cut) => {
  server = await wireServer((socket) => {
    socket.once('data', () => {
      socket.write(STREAM_HEAD + token('a'))
      setTimeout(() => cut(socket), 30)
    })
  })
  recorder = await startRecorder(server.port)
  await ask(recorder.port, REQUEST)
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome, outputTokens: 1 })
})

test('while the server is away clients get 502 with one sentence; then it is tried again', async () => {
  const port = await freePort()
  recorder = await startRecorder(port)
  const refused = await ask(recorder.port, REQUEST)
  const [head = '', body = ''] = refused.bytes.toString().split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 502 /)
  expect(body).toMatch(/^[^.]+\.\n$/)
  expect(refused.end).toBe('fin')
  const large = await ask(recorder.port, REQUEST + 'x'.repeat(3_000_000))
  expect(large.bytes.toString()).toMatch(/^HTTP\/1\.1 502 /)
  await recorder.stop()
  const rows = await rowsOf(recorder.directory)
  expect(rows[0]).toMatchObject({ outcome: 'http_error', status: 502 })
})

test('a connection on which nothing is said opens none to the server', async () => {
  let opened = 0
  server = await wireServer((socket) => {
    opened += 1
    socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'))
  })
  recorder = await startRecorder(server.port)
  while (!recorder.said.err.includes('recording ')) await wait(10)
  opened = 0
  const clients = await Promise.all([1, 2, 3].map(async () => wireClient(recorder?.port ?? 0)))
  await wait(50)
  for (const client of clients) client.destroy()
  await wait(50)
  expect(opened).toBe(0)
})

test('a recording that exists goes on in a new segment, with a restart event', async () => {
  server = await wireServer((socket) => {
    socket.once('data', () => socket.end(`${STREAM_HEAD}${token('a', 'stop')}${END}`))
  })
  recorder = await startRecorder(server.port)
  await ask(recorder.port, REQUEST)
  await recorder.stop()
  const again = await startRecorder(server.port, {}, recorder.directory)
  await ask(again.port, REQUEST)
  await again.stop()
  const rows = await rowsOf(recorder.directory)
  expect(rows.map(({ seq, outcome }) => [seq, outcome])).toEqual([
    [0, 'ok'],
    [1, 'ok'],
  ])
  expect(rows[1]?.atUs).toBeGreaterThan(rows[0]?.atUs ?? 0)
})

test('its last lines name the digest that inspect finds, and each segment says its own for verify', async () => {
  server = await wireServer((socket) => {
    socket.once('data', () => socket.end(`${STREAM_HEAD}${token('a', 'stop')}${END}`))
  })
  recorder = await startRecorder(server.port)
  await ask(recorder.port, REQUEST)
  await recorder.stop()
  const reader = await openTrace(recorder.directory)
  const digest = await rowDigest(reader)
  await reader.close()
  expect(recorder.said.out).toContain(` · digest ${digest.slice(0, 12)}`)
  expect(await digestsOf(recorder.directory)).toEqual({ digest, told: digest, isComplete: true })
  const again = await startRecorder(server.port, {}, recorder.directory)
  await ask(again.port, REQUEST)
  await again.stop()
  for (const name of ['000001.sqlite', '000002.sqlite']) {
    const own = await digestsOf(join(recorder.directory, name))
    expect(own.told).toBe(own.digest)
  }
  expect(await checkedDigest(recorder.directory)).not.toBe(digest)
})

test('a busy port stops it from starting, by name', async () => {
  server = await wireServer(() => undefined)
  const { port } = server
  const starting = startRecorder(port, { listen: `127.0.0.1:${port}` })
  await expect(starting).rejects.toThrow(
    new TraceError('PORT_IN_USE', `127.0.0.1:${port} is in use`),
  )
})

test('at the end streams are finished, idle connections closed and new ones refused', async () => {
  server = await wireServer((socket) => {
    socket.on('data', () => {
      socket.write(STREAM_HEAD + token('a'))
      setTimeout(() => socket.write(token('b', 'stop') + END), 400)
    })
  })
  recorder = await startRecorder(server.port)
  const busy = await wireClient(recorder.port)
  const { ended } = watch(busy)
  busy.write(REQUEST)
  await wait(100)
  recorder.signal('SIGTERM')
  const seen = await ended
  expect(sha256(seen.bytes)).toBe(
    sha256(Buffer.from(STREAM_HEAD + token('a') + token('b', 'stop') + END)),
  )
  expect(seen.end).toBe('fin')
  busy.destroy()
  expect(await recorder.running).toBe(0)
  await expect(wireClient(recorder.port)).rejects.toThrow('ECONNREFUSED')
})

test('a second signal cuts what is left at once', async () => {
  server = await wireServer((socket) => {
    socket.on('data', () => socket.write(STREAM_HEAD + token('a')))
  })
  recorder = await startRecorder(server.port)
  const busy = await wireClient(recorder.port)
  const { ended } = watch(busy)
  busy.write(REQUEST)
  await new Promise((resolve) => busy.once('data', resolve))
  recorder.signal('SIGINT')
  await wait(200)
  recorder.signal('SIGINT')
  expect(await recorder.running).toBe(130)
  expect((await ended).end).toBe('reset')
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'unobserved_end', maxTokens: 9 })
})
