/**
 * A client that leaves is gone for the server at once, whatever it was waiting for. "At once" is told
 * without a clock: before another client of the same recorder has asked twice.
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { complete, completionRequest, STREAM, STREAM_HEAD, token } from '../support/completions.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { wireClient, wireServer } from '../support/wire.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname
const pem = (name: string) => readFileSync(tlsFile(name), 'utf8')

const cleanUps = cleanUpsOfEachTest()

async function tlsClient(port: number): Promise<Socket> {
  const ca = pem('authority.pem')
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'model.internal' })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** When clients leave: what they asked for, and what they had of it. Marked by its max_tokens. */
const MOMENTS = [
  { mark: 1, isStream: true, answer: '', row: { status: null } },
  {
    mark: 2,
    isStream: true,
    answer: STREAM_HEAD + token('a') + token('b') + token('c'),
    row: { status: 200, outputTokens: 3 },
  },
  { mark: 3, isStream: false, answer: '', row: { status: null } },
  {
    mark: 4,
    isStream: false,
    answer: 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"id":',
    row: { status: 200 },
  },
] as const
const OTHER = 99

/** Asked, gone: resolved by the server's side. */
type Sight = { asked: PromiseWithResolvers<void>; isGone: boolean }

function serveOn(sights: Map<number, Sight>): (socket: Socket) => void {
  return (socket) => {
    let mark = 0
    const go = () => {
      const sight = sights.get(mark)
      if (sight !== undefined) sight.isGone = true
      socket.destroy()
    }
    socket.on('end', go)
    socket.on('error', go)
    socket.on('data', (bytes: Buffer) => {
      mark = Number(/"max_tokens":(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? 0)
      const moment = MOMENTS.find((each) => each.mark === mark)
      const answer = mark === OTHER ? STREAM : (moment?.answer ?? '')
      if (answer !== '') socket.write(answer)
      sights.get(mark)?.asked.resolve()
    })
  }
}

async function plainServer(serve: (socket: Socket) => void) {
  const server = await wireServer(serve)
  cleanUps.push(server.close)
  return `http://127.0.0.1:${server.port}`
}

async function tlsServer(serve: (socket: Socket) => void) {
  const server = createTlsServer({ cert: pem('server.pem'), key: pem('server.key') }, serve)
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => void server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const BOTH = { tlsCert: tlsFile('server.pem'), tlsKey: tlsFile('server.key') }
const TRUSTED = { upstreamCa: tlsFile('authority.pem') }
const WAYS = [
  ['as it is', plainServer, {}, wireClient],
  ['over TLS', plainServer, BOTH, tlsClient],
  ['to a server behind TLS', tlsServer, TRUSTED, wireClient],
  ['over TLS on both sides', tlsServer, { ...BOTH, ...TRUSTED }, tlsClient],
  ['with --ask-usage', plainServer, { askUsage: true }, wireClient],
] as const

const LEAVING = [
  ['FIN', (socket: Socket) => void socket.destroy()],
  ['RST', (socket: Socket) => void socket.resetAndDestroy()],
] as const

const CASES = WAYS.flatMap(([name, server, changes, client]) =>
  LEAVING.map(([end, leave]) => ({ name, server, changes, client, end, leave })),
).filter(({ client, end }) => client === wireClient || end === 'FIN')

test.each(CASES)(
  'a client that leaves by $end is gone for the server at once, streamed or not, before and after the first token: $name',
  async ({ server, changes, client, leave }) => {
    const sights = new Map<number, Sight>()
    for (const { mark } of MOMENTS) {
      sights.set(mark, { asked: Promise.withResolvers<void>(), isGone: false })
    }
    const upstream = await server(serveOn(sights))
    const recorder = await startRecorder(0, { upstream, ...changes })
    cleanUps.push(recorder.remove)
    for (const { mark, isStream, answer } of MOMENTS) {
      const socket = await client(recorder.port)
      socket.on('error', () => undefined)
      const first = new Promise((resolve) => socket.once('data', resolve))
      socket.write(completionRequest(mark, isStream))
      await sights.get(mark)?.asked.promise
      if (answer !== '') await first
      leave(socket)
      await complete(client, recorder.port, OTHER)
      await complete(client, recorder.port, OTHER)
      expect(sights.get(mark)?.isGone).toBe(true)
    }
    await recorder.stop()
    const rows = await rowsOf(recorder.directory)
    for (const { mark, row } of MOMENTS) {
      const found = rows.find(({ maxTokens }) => maxTokens === mark)
      expect(found).toMatchObject({ outcome: 'client_abort', ...row })
      expect(found?.abortUs).toBeGreaterThan(0)
    }
  },
)
