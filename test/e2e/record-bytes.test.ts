/** What a client and a server see through the recorder is what they see without it. */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { sha256, watch, wireClient, wireServer, type Seen } from '../support/wire.ts'

type Case = {
  name: string
  /** What the client does; it ends when the connection does. */
  client: (socket: Socket) => void
  /** What the server does with a new connection. */
  server: (socket: Socket) => void
}

const HEAD = 'POST /v1/completions HTTP/1.1\r\nHost: h\r\n'
const OK = 'HTTP/1.1 200 OK\r\n'

/** Calls back once the socket has had so many bytes in all. */
function after(socket: Socket, bytes: number, act: () => void): void {
  let seen = 0
  let isDone = false
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.length
    if (seen >= bytes && !isDone) {
      isDone = true
      act()
    }
  })
}

const body16 = randomBytes(16_000_000)
const chunked16 = `${OK}transfer-encoding: chunked\r\n\r\n`

const CASES: Case[] = [
  {
    name: 'odd headers: order, case, doubles, empty, Latin-1, unknown',
    client: (socket) =>
      socket.write(
        Buffer.from(
          `${HEAD}x-B: 1\r\nX-a:2\r\nx-b: 3\r\nX-Empty:\r\nx_under_score: u\r\nX-Latin: caf\u00e9\r\n` +
            `Cookie: a=1\r\nCookie: b=2\r\ncontent-length: 2\r\n\r\n{}`,
          'latin1',
        ),
      ),
    server: (socket) =>
      after(socket, 150, () =>
        socket.end(
          Buffer.from(
            'HTTP/1.1 200 Fine By Me\r\nSERVER: uvicorn\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n' +
              'x-latin: caf\u00e9\r\nX-Dup: 1\r\nx-dup: 2\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
            'latin1',
          ),
        ),
      ),
  },
  {
    name: 'Expect: 100-continue',
    client(socket) {
      socket.write(`${HEAD}Expect: 100-continue\r\ncontent-length: 2\r\n\r\n`)
      after(socket, 25, () => socket.write('{}'))
    },
    server(socket) {
      after(socket, 80, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))
      after(socket, 85, () => socket.end(`${OK}content-length: 2\r\n\r\nok`))
    },
  },
  {
    name: 'pipelined requests',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`.repeat(3)),
    server: (socket) =>
      after(socket, 180, () => {
        socket.write(`${OK}content-length: 1\r\n\r\n1`)
        socket.write(`${OK}content-length: 1\r\n\r\n2${OK}content-length: 1\r\n\r\n3`)
        socket.end()
      }),
  },
  {
    name: 'HTTP/1.0 with an answer that ends by closing',
    client: (socket) =>
      socket.write('POST /v1/completions HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}'),
    server: (socket) =>
      after(socket, 50, () => socket.end('HTTP/1.0 200 OK\r\n\r\nthe whole of it')),
  },
  {
    name: 'chunks both ways, with extensions and trailers',
    client: (socket) =>
      socket.write(
        `${HEAD}transfer-encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Up: 1\r\n\r\n`,
      ),
    server: (socket) =>
      after(socket, 100, () => {
        socket.write(`${OK}trailer: x-trail\r\ntransfer-encoding: chunked\r\n\r\n5;q\r\nhello\r\n`)
        setTimeout(() => socket.end('0\r\nx-trail: yes\r\n\r\n'), 20)
      }),
  },
  {
    name: 'an upgrade, and bytes that are no HTTP after it',
    client(socket) {
      socket.write(
        'GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      )
      after(socket, 60, () => socket.write(Buffer.from([0x81, 0x85, 1, 2, 3, 4, 5, 6])))
    },
    server(socket) {
      after(socket, 70, () =>
        socket.write('HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      )
      after(socket, 78, () => socket.end(Buffer.from([0x88, 0])))
    },
  },
  {
    name: 'a request of 16 MB',
    client(socket) {
      socket.write(`${HEAD}content-length: ${body16.length}\r\n\r\n`)
      socket.write(body16)
    },
    server: (socket) =>
      after(socket, body16.length + 60, () => socket.end(`${OK}content-length: 2\r\n\r\nok`)),
  },
  {
    name: 'an answer of 16 MB',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) =>
      after(socket, 60, () => {
        socket.write(`${OK}content-length: ${body16.length}\r\n\r\n`)
        socket.end(body16)
      }),
  },
  {
    name: 'Content-Length and Transfer-Encoding together',
    client: (socket) =>
      socket.write(`${HEAD}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
    server: (socket) => after(socket, 80, () => socket.end(`${OK}content-length: 2\r\n\r\nok`)),
  },
  {
    name: 'a header of 100 KB',
    client: (socket) => socket.write(`${HEAD}x-long: ${'y'.repeat(100_000)}\r\n\r\n`),
    server: (socket) => after(socket, 100_000, () => socket.end(`${OK}content-length: 0\r\n\r\n`)),
  },
  {
    name: 'bytes that are no HTTP at all',
    client: (socket) => socket.write(Buffer.from([0, 1, 2, 3, 255])),
    server: (socket) => after(socket, 5, () => socket.end(Buffer.from([9, 8, 7]))),
  },
  {
    name: 'a stream cut by FIN',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) =>
      after(socket, 60, () => {
        socket.write(`${chunked16}10\r\ndata: {"a":1}\r\n`)
        setTimeout(() => socket.end(), 50)
      }),
  },
  {
    name: 'a stream cut by RST',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) =>
      after(socket, 60, () => {
        socket.write(`${chunked16}10\r\ndata: {"a":1}\r\n`)
        setTimeout(() => socket.resetAndDestroy(), 50)
      }),
  },
  {
    name: 'an answer that ends by closing, cut by RST',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) =>
      after(socket, 60, () => {
        socket.write(`${OK}\r\npart of it`)
        setTimeout(() => socket.resetAndDestroy(), 50)
      }),
  },
  {
    name: 'a client that ends its side and waits for the answer',
    client: (socket) => socket.end(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) =>
      socket.on('end', () => setTimeout(() => socket.end(`${OK}content-length: 2\r\n\r\nok`), 20)),
  },
  {
    name: 'a refusal before the request is whole',
    client: (socket) => socket.write(`${HEAD}content-length: 1000\r\n\r\n{`),
    server: (socket) =>
      after(socket, 60, () => socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n')),
  },
  {
    name: 'a server that resets before it says anything',
    client: (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`),
    server: (socket) => after(socket, 60, () => socket.resetAndDestroy()),
  },
  {
    name: 'an answer to HEAD, which has a length and no body',
    client: (socket) => socket.write('HEAD /v1/models HTTP/1.1\r\nHost: h\r\n\r\n'),
    server: (socket) => after(socket, 37, () => socket.end(`${OK}content-length: 10\r\n\r\n`)),
  },
]

describe('through the recorder as without it', () => {
  let current: Case = CASES[0] as Case
  let server: Awaited<ReturnType<typeof wireServer>>
  let recorder: Recorder
  const serverSeen: Promise<Seen>[] = []

  beforeAll(async () => {
    server = await wireServer((socket) => {
      serverSeen.push(watch(socket).ended)
      current.server(socket)
    })
    recorder = await startRecorder(server.port)
  })

  afterAll(async () => {
    await recorder.stop()
    await server.close()
    recorder.remove()
  })

  async function play(port: number): Promise<{ client: Seen; server: Seen }> {
    serverSeen.length = 0
    const socket = await wireClient(port)
    const { ended } = watch(socket)
    current.client(socket)
    const client = await ended
    socket.destroy()
    return { client, server: (await serverSeen[0]) as Seen }
  }

  const digest = ({ bytes, end }: Seen) => ({ end, size: bytes.length, sha256: sha256(bytes) })

  test.each(CASES)('$name', async (each) => {
    current = each
    const direct = await play(server.port)
    const proxied = await play(recorder.port)
    expect(digest(proxied.client)).toEqual(digest(direct.client))
    expect(digest(proxied.server)).toEqual(digest(direct.server))
    expect(direct.client.bytes.length + direct.server.bytes.length).toBeGreaterThan(0)
  })
})
