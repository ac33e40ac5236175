/** TLS on both sides, the PROXY protocol, routes and ports. */
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import {
  connect as connectTls,
  createServer as createTlsServer,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls'
import { expect, test } from 'vitest'
import { openTrace } from '../../src/trace/open.ts'
import { formatProxyHeader } from '../../src/record/proxy-protocol.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { ask, type Seen, watch, wireClient, wireServer, type WireServer } from '../support/wire.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname
const pem = (name: string) => readFileSync(tlsFile(name), 'utf8')

const cleanUps = cleanUpsOfEachTest()

async function recorderFor(port: number, changes: Parameters<typeof startRecorder>[1] = {}) {
  const recorder = await startRecorder(port, changes)
  cleanUps.push(() => recorder.remove(), recorder.stop)
  return recorder
}

async function plainServer(handler: (socket: Socket) => void): Promise<WireServer> {
  const server = await wireServer(handler)
  cleanUps.push(server.close)
  return server
}

const REQUEST =
  'POST /v1/completions HTTP/1.1\r\nHost: model.internal\r\ncontent-length: 2\r\n\r\n{}'
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'

/** A TLS server that answers once, and tells what it saw of the client. */
async function tlsServer(options: object = {}) {
  const seen: { text: string; alpn: unknown; client: string; name: unknown }[] = []
  const server = createTlsServer(
    {
      cert: pem('server.pem'),
      key: pem('server.key'),
      ALPNProtocols: ['h2', 'http/1.1'],
      ...options,
    },
    (socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (bytes) => {
        seen.push({
          text: bytes.toString(),
          alpn: socket.alpnProtocol,
          client: String(
            (socket.getPeerCertificate() as Partial<PeerCertificate>).subject?.CN ?? '',
          ),
          name: (socket as unknown as { servername: unknown }).servername,
        })
        socket.end(ANSWER)
      })
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => void server.close())
  return { port: (server.address() as AddressInfo).port, seen }
}

async function tlsClient(port: number): Promise<TLSSocket> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: pem('authority.pem'),
    servername: 'model.internal',
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

test('an https upstream is verified; only --insecure turns that off, and the header says so', async () => {
  const server = await tlsServer()
  const upstream = `https://127.0.0.1:${server.port}`
  const untrusted = await recorderFor(0, { upstream })
  expect((await ask(untrusted.port, REQUEST)).bytes.toString()).toMatch(/^HTTP\/1\.1 502 /)
  expect(server.seen).toEqual([])

  const trusted = await recorderFor(0, { upstream, upstreamCa: tlsFile('authority.pem') })
  expect((await ask(trusted.port, REQUEST)).bytes.toString()).toBe(ANSWER)

  const insecure = await recorderFor(0, { upstream, insecure: true })
  expect((await ask(insecure.port, REQUEST)).bytes.toString()).toBe(ANSWER)
  await insecure.stop()
  const reader = await openTrace(insecure.directory)
  expect(reader.header.capture.notes.join()).toContain('not verified')
  await reader.close()
})

test('an upstream with a certificate for another name is refused', async () => {
  const server = await tlsServer({ cert: pem('other.pem'), key: pem('other.key') })
  const recorder = await recorderFor(0, {
    upstream: `https://127.0.0.1:${server.port}`,
    upstreamCa: tlsFile('authority.pem'),
  })
  expect((await ask(recorder.port, REQUEST)).bytes.toString()).toMatch(/^HTTP\/1\.1 502 /)
})

test('the upstream gets the name, the certificate and the protocol that it should', async () => {
  const server = await tlsServer({ requestCert: true, ca: pem('authority.pem') })
  const recorder = await recorderFor(0, {
    upstream: `https://127.0.0.1:${server.port}`,
    upstreamCa: tlsFile('authority.pem'),
    upstreamSni: 'model.internal',
    upstreamCert: tlsFile('client.pem'),
    upstreamKey: tlsFile('client.key'),
  })
  await ask(recorder.port, REQUEST)
  // The recorder's own questions reach it too.
  expect(server.seen.filter(({ text }) => text.startsWith('POST '))).toEqual([
    { text: REQUEST, alpn: 'http/1.1', client: 'client', name: 'model.internal' },
  ])
})

test('clients over TLS are offered http/1.1 only, and see a reset as a reset', async () => {
  const server = await plainServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
      setTimeout(() => socket.resetAndDestroy(), 50)
    })
  })
  const recorder = await recorderFor(server.port, {
    tlsCert: tlsFile('server.pem'),
    tlsKey: tlsFile('server.key'),
  })
  const client = await tlsClient(recorder.port)
  expect(client.alpnProtocol).toBe('http/1.1')
  const { ended } = watch(client)
  client.write(REQUEST)
  const seen = await ended
  expect(seen.bytes.toString()).toContain('part')
  expect(seen.end).toBe('reset')
})

test.each([
  ['a FIN', 'fin', (raw: Socket): void => void raw.destroy()],
  ['a reset', 'reset', (raw: Socket): void => void raw.resetAndDestroy()],
] as const)(
  'an https server that breaks an answer off by %s is seen to do just that',
  async (_name, end: Seen['end'], cut) => {
    const raws: Socket[] = []
    const server = createTlsServer(
      { cert: pem('server.pem'), key: pem('server.key') },
      (socket: TLSSocket) => {
        socket.on('error', () => undefined)
        socket.once('data', (bytes: Buffer) => {
          // The recorder's own questions are not what is broken off.
          if (!bytes.toString('latin1').startsWith('POST')) return
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
          setTimeout(() => {
            for (const raw of raws) cut(raw)
          }, 50)
        })
      },
    )
    server.on('connection', (raw: Socket) => raws.push(raw))
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUps.push(() => void server.close())
    const recorder = await recorderFor(0, {
      upstream: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      upstreamCa: tlsFile('authority.pem'),
    })
    const seen = await ask(recorder.port, REQUEST)
    expect(seen.bytes.toString()).toMatch(/part$/)
    expect(seen.end).toBe(end)
  },
)

test('the PROXY header of a balancer is taken off, and one for the server put on', async () => {
  const server = await plainServer((socket) => {
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.endsWith('{}')) socket.end(`${ANSWER}${text}`)
    })
  })
  const recorder = await recorderFor(server.port, { proxyProtocol: true, sendProxy: 'v1' })
  const named = await ask(recorder.port, `PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n${REQUEST}`)
  expect(named.bytes.toString()).toBe(
    `${ANSWER}PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n${REQUEST}`,
  )
  const bare = await ask(recorder.port, REQUEST)
  expect(bare.bytes.length).toBe(0)
  await recorder.stop()
  expect((await rowsOf(recorder.directory)).map(({ outcome }) => outcome)).toEqual(['ok'])
})

test('version 2 of the PROXY protocol: taken off, and put on with the same addresses', async () => {
  const seen: Buffer[] = []
  const server = await plainServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      seen.push(bytes)
      if (Buffer.concat(seen).toString('latin1').endsWith('{}')) socket.end(ANSWER)
    })
  })
  const endpoints = {
    source: '2001:db8::7',
    sourcePort: 4_711,
    destination: '2001:db8::1',
    destinationPort: 443,
  }
  const header = formatProxyHeader(2, endpoints)
  const recorder = await recorderFor(server.port, { proxyProtocol: true, sendProxy: 'v2' })
  // What the recorder asks on its own account at its start has been asked.
  seen.length = 0
  const { bytes } = await ask(recorder.port, Buffer.concat([header, Buffer.from(REQUEST)]))
  expect(bytes.toString()).toBe(ANSWER)
  expect(Buffer.concat(seen).equals(Buffer.concat([header, Buffer.from(REQUEST)]))).toBe(true)
  // A header that comes in pieces, and one that is broken.
  seen.length = 0
  const slow = await wireClient(recorder.port)
  const { ended } = watch(slow)
  for (const piece of [header.subarray(0, 5), header.subarray(5, 20), header.subarray(20)]) {
    slow.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  slow.write(REQUEST)
  expect((await ended).bytes.toString()).toBe(ANSWER)
  slow.destroy()
  const broken = Buffer.from(header)
  broken[12] = 0x31
  expect((await ask(recorder.port, broken)).bytes.length).toBe(0)
})

test('without --take-over a port that another recorder has is busy', async () => {
  const server = await plainServer(() => undefined)
  const first = await recorderFor(server.port)
  await expect(
    startRecorder(server.port, { listen: `127.0.0.1:${first.port}` }),
  ).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  const client = await wireClient(first.port)
  client.destroy()
})

test('each route goes to its own server, and the rows say which', async () => {
  const answering = (text: string) =>
    plainServer((socket) =>
      socket.once('data', () =>
        socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n${text}`),
      ),
    )
  const [a, b] = [await answering('a'), await answering('b')]
  const probe = await plainServer(() => undefined)
  await probe.close()
  const recorder = await recorderFor(a.port, {
    route: [`127.0.0.1:${probe.port}=http://127.0.0.1:${b.port}`],
  })
  expect((await ask(recorder.port, REQUEST)).bytes.toString()).toMatch(/a$/)
  expect((await ask(probe.port, REQUEST)).bytes.toString()).toMatch(/b$/)
  await recorder.stop()
  const rows = await rowsOf(recorder.directory)
  expect(rows.map(({ route }) => route)).toEqual([String(recorder.port), String(probe.port)])
})
