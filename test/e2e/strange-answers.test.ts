/** What the client of everything but the load makes of servers that answer strangely. */
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { readMetrics } from '../../src/replay/server-metrics.ts'

const open: { server: Server; sockets: Set<Socket> }[] = []

afterEach(() => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

/** Says the same to everybody, whatever was asked. */
async function serve(scheme: string, say: (socket: Socket) => void): Promise<URL> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => say(socket))
  })
  open.push({ server, sockets })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return new URL(`${scheme}://127.0.0.1:${(server.address() as { port: number }).port}/metrics`)
}

const OK = 'HTTP/1.1 200 OK\r\n'

test.each([
  [
    'http',
    `${OK}x: ${'y'.repeat(70_000)}\r\n\r\n`,
    'the headers of its answer are too long',
    'prox',
  ],
  ['http', 'SSH-2.0-OpenSSH_9.6\r\n', 'it does not speak HTTP/1.1', 'port'],
  ['https', `${OK}\r\n`, 'it does not speak TLS', 'http://'],
  ['http', `${OK}content-length: 9\r\n\r\nabc`, 'it closed the connection', 'doctor'],
])('a strange answer is told in words, with advice (%#)', async (scheme, answer, words, advice) => {
  const url = await serve(scheme, (socket) => socket.end(answer))
  const said = await new HttpClient().call(url).catch((error: unknown) => error)
  expect(said).toMatchObject({ code: 'TARGET_DOWN' })
  expect((said as Error).message).toBe(`cannot reach ${url.origin}: ${words}`)
  expect((said as { hint: string }).hint).toContain(advice)
})

const LINE = 'vllm:num_requests_running{engine="0",model_name="m"} 1\n'

test('metrics that are longer than 8 MB, or have no end, are left alone', async () => {
  const length = LINE.length * 1_000
  const short = await serve('http', (socket) =>
    socket.end(`${OK}content-length: ${length}\r\n\r\n${LINE.repeat(1_000)}`),
  )
  const client = new HttpClient()
  expect(await readMetrics(client, short)).toHaveLength(1_000)
  const page = LINE.repeat(Math.ceil(1_000_000 / LINE.length))
  let sentBytes = 0
  const endless = await serve('http', (socket) => {
    socket.write(`${OK}connection: close\r\n\r\n`)
    const more = () => {
      do sentBytes += page.length
      while (!socket.destroyed && socket.write(page))
    }
    socket.on('drain', more)
    more()
  })
  expect(await readMetrics(client, endless)).toBeNull()
  // What lies in the buffers of both sides comes on top.
  expect(sentBytes).toBeLessThan(40_000_000)
})
