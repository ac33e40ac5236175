/** What the recorder asks on its own account reaches an https server just as the relay does. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { openTrace } from '../../src/trace/open.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { completionRequest } from '../support/completions.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { freePort, watch, wireClient } from '../support/wire.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname
const pem = (name: string) => readFileSync(tlsFile(name), 'utf8')

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const ANSWERS: Record<string, string> = {
  '/version': JSON.stringify({ version: '0.32.0' }),
  '/v1/models': JSON.stringify({ data: [{ id: 'tiny', owned_by: 'vllm', max_model_len: 2_048 }] }),
  '/tokenize': JSON.stringify({ count: 11, tokens: Array.from({ length: 11 }, () => 1) }),
  '/metrics': 'vllm:num_requests_running{engine="0"} 1\n',
  '/v1/completions': 'data: {"model":"m","choices":[{"index":0,"text":"a"}]}\n\ndata: [DONE]\n\n',
}

/** A server that only speaks to clients with a certificate; keeps who asked for what, by which name. */
async function strictServer(isStrict: boolean) {
  const seen: string[] = []
  const server = createServer(
    {
      cert: pem('server.pem'),
      key: pem('server.key'),
      ca: pem('authority.pem'),
      requestCert: isStrict,
      rejectUnauthorized: isStrict,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket
      const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>
      const client = String(subject?.CN ?? '-')
      const name = String((socket as unknown as { servername: unknown }).servername)
      seen.push(`${request.url} ${client} ${name}`)
      request.resume().on('end', () => {
        response.setHeader('connection', 'close')
        if (request.method === 'POST' && request.url !== '/tokenize') {
          response.setHeader('content-type', 'text/event-stream')
        }
        response.end(ANSWERS[request.url ?? ''] ?? '{}')
      })
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `https://127.0.0.1:${port}`, seen }
}

async function recorderBefore(origin: string, changes: Parameters<typeof startRecorder>[1]) {
  const recorder = await startRecorder(0, {
    upstream: origin,
    metricsUrl: `${origin}/metrics`,
    tokenizeRate: '100',
    ...changes,
  })
  cleanUps.push(recorder.remove, recorder.stop)
  return recorder
}

/** One answer without counts, so that the recorder has something to ask. */
async function askOnce(port: number): Promise<void> {
  const client = await wireClient(port)
  const { ended } = watch(client)
  client.write(completionRequest(5))
  expect((await ended).bytes.toString()).toContain('data: [DONE]')
  client.destroy()
}

test.each([
  [
    '--upstream-ca, --upstream-sni and a client certificate',
    true,
    {
      upstreamCa: tlsFile('authority.pem'),
      upstreamSni: 'model.internal',
      upstreamCert: tlsFile('client.pem'),
      upstreamKey: tlsFile('client.key'),
    },
    'client model.internal',
  ],
  ['--insecure', false, { insecure: true } as const, '- false'],
] as const)('own questions hold to %s', async (_name, isStrict, changes, who) => {
  const { origin, seen } = await strictServer(isStrict)
  const recorder = await recorderBefore(origin, changes)
  expect(recorder.said.err).toContain('vLLM 0.32.0, tiny, context 2,048')
  await askOnce(recorder.port)
  for (const path of ['/version', '/v1/models', '/metrics', '/tokenize']) {
    while (!seen.includes(`${path} ${who}`)) await wait(10)
  }
  expect(new Set(seen.map((line) => line.slice(line.indexOf(' ') + 1)))).toEqual(new Set([who]))
  await recorder.stop()
  expect(await rowsOf(recorder.directory)).toMatchObject([{ outcome: 'ok', promptTokens: 11 }])
  const reader = await openTrace(recorder.directory)
  expect(reader.header.server.version).toBe('0.32.0')
  await reader.close()
})

test('SIGHUP: own questions show the new certificate, too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-questions-'))
  const [upstreamCert, upstreamKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const put = (name: string) => {
    copyFileSync(tlsFile(`${name}.pem`), upstreamCert)
    copyFileSync(tlsFile(`${name}.key`), upstreamKey)
  }
  put('client')
  const { origin, seen } = await strictServer(true)
  const recorder = await recorderBefore(origin, {
    upstreamCa: tlsFile('authority.pem'),
    upstreamSni: 'model.internal',
    upstreamCert,
    upstreamKey,
  })
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  await askOnce(recorder.port)
  while (!seen.includes('/tokenize client model.internal')) await wait(10)
  put('server')
  recorder.signal('SIGHUP')
  while (!recorder.said.err.includes('certificates read again')) await wait(10)
  // Asked of each answer without counts; the observer hears of new files a moment after the relay.
  while (!seen.includes('/tokenize server model.internal')) await askOnce(recorder.port)
  expect(seen).toContain('/v1/completions server model.internal')
})

test('a server that the relay does not trust is not asked either, and the banner says so', async () => {
  const { origin, seen } = await strictServer(false)
  const recorder = await recorderBefore(origin, {})
  expect(recorder.said.err).toMatch(
    /not reachable yet: its certificate is .*\n {2}--upstream-ca FILE/,
  )
  expect(seen).toEqual([])
})

test('of two upstreams the one that is not there leaves what the other told in the header', async () => {
  const { origin } = await strictServer(false)
  const route = [`${await freePort()}=http://127.0.0.1:${await freePort()}`]
  const recorder = await recorderBefore(origin, { insecure: true, route })
  await askOnce(recorder.port)
  await recorder.stop()
  const reader = await openTrace(recorder.directory)
  expect(reader.header.server).toMatchObject({ version: '0.32.0', models: ['tiny'] })
  await reader.close()
})
