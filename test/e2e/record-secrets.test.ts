/** Secrets go through the recorder in every place where text can stand; none may stay behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pause, systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { adminServer } from '../../src/live/admin.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { gapsOf, rowsOf } from '../support/recorder.ts'
import {
  answerText,
  body,
  bytesUnder,
  ENDPOINTS,
  post,
  secret,
  secretCount,
  secretsIn,
} from '../support/secrets.ts'
import { startSession } from '../support/session.ts'
import { testWorld } from '../support/test-world.ts'
import { POISON, startThrowingObserver } from '../support/throwing-observer.ts'
import { freePort, watch, wireClient, wireServer, type WireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()
const NAMES = {
  sessionBy: 'header:x-session,user,prompt_cache_key,previous_response_id,prefix',
  tenantBy: 'header:x-tenant',
}
/** Makes the server's answer more than an observer can bear. */
const ASKS_POISON = 'X-Wants: poison\r\n'

let server: WireServer
let folder: string

/** Answers 200 to a model that it has, 404 to others; its text quotes secrets of its own. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trace-secrets-'))
  server = await wireServer((socket) => {
    let seen = ''
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1')
      if (!/\r\n\r\n/.test(seen)) return
      const isKnown = seen.includes('"model":"known"')
      const isStream = seen.includes('"stream":true')
      const poison = seen.includes(ASKS_POISON) ? `X-Poison: ${POISON}\r\n` : ''
      seen = ''
      socket.write(answerText(isKnown, isStream).replace('X-Note', `${poison}X-Note`))
    })
    socket.on('end', () => socket.end())
  })
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server.close()
})

/** Sends, takes what comes until the end or for a moment, and leaves. */
async function send(port: number, bytes: Buffer | string): Promise<void> {
  const socket = await wireClient(port)
  const { ended } = watch(socket)
  socket.write(bytes)
  await Promise.race([ended, pause(60_000)])
  socket.destroy()
}

/** A page whole, or of a stream of events the first piece. */
async function pageText(url: string): Promise<string> {
  const answer = await fetch(url)
  if (!(answer.headers.get('content-type') ?? '').includes('event-stream')) return answer.text()
  const reader = answer.body?.getReader()
  const { value } = (await reader?.read()) ?? {}
  await reader?.cancel()
  return Buffer.from(value ?? []).toString()
}

/** What the admin listener tells anybody. */
async function adminText(place: string): Promise<string> {
  const paths = ['/metrics', '/healthz', '/readyz', '/', '/events']
  return (await Promise.all(paths.map((path) => pageText(place + path)))).join('\n')
}

/** A recorder as an operator starts it; all it writes lies in one folder. */
async function startWhole() {
  const [port, adminPort] = [await freePort(), await freePort()]
  const run = testWorld({ clock: systemClock })
  const words =
    `record --upstream http://127.0.0.1:${server.port} --listen 127.0.0.1:${port} --out ${folder}/rec ` +
    `--admin-listen 127.0.0.1:${adminPort} --metrics-url off --tokenize-rate 0 ` +
    `--session-by ${NAMES.sessionBy} --tenant-by ${NAMES.tenantBy}`
  const running = main(words.split(' '), run.world)
  while (!run.said.err.includes('admin at')) await pause(10_000)
  const stop = async () => {
    run.signal('SIGTERM')
    return running
  }
  cleanUps.push(stop)
  return { port, admin: `http://127.0.0.1:${adminPort}`, said: run.said, stop }
}

test('no secret of a request or an answer is in a file, a line of log or a metric', async () => {
  const { port, admin, said, stop } = await startWhole()
  for (const path of ENDPOINTS) {
    const known = JSON.stringify(body({ model: 'known' }))
    await send(port, post(path, JSON.stringify(body({ model: secret() }))))
    await send(port, post(path, known))
    await send(port, post(path, JSON.stringify(body({ model: 'known', stream: true }))))
    await send(port, post(path, known.slice(0, known.length / 2)))
    await send(port, post(path, gzipSync(known), 'Content-Encoding: gzip\r\n'))
    await send(port, post(path, `${secret()} no JSON`, `Content-Encoding: ${secret()}\r\n`))
    const wrongTypes = {
      model: [secret()],
      messages: secret(),
      prompt: { [secret()]: 1 },
      input: 5,
      tools: secret(),
      stream: secret(),
    }
    await send(port, post(path, JSON.stringify(wrongTypes)))
    const chunks = `5;${secret()}="${secret()}"\r\n{"a":\r\n0\r\n${secret()}: ${secret()}\r\n\r\n`
    await send(port, post(path, chunks, '', 'Transfer-Encoding: chunked\r\n'))
  }
  const target = '/v1/completions HTTP/1.1\r\n'
  for (const raw of [
    `${secret()} /${secret()} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /${secret()}?${secret()}=${secret()} HTTP/1.1\r\nHost: ${secret()}\r\n\r\n`,
    `POST ${target}Content-Length: 2\r\n\r\n{}${secret()} ${secret()}\r\n\r\n${secret()}`,
    `POST ${target}Content-Length: 1\r\nTransfer-Encoding: ${secret()}\r\n\r\n${secret()}`,
    `POST ${target}Content-Length: 900000\r\n\r\n{"messages":"${secret()}`,
  ]) {
    await send(port, raw)
  }
  const deep = `{"model":"known","tools":${'['.repeat(20_000)}"${secret()}"${']'.repeat(20_000)}}`
  await send(port, post('/v1/chat/completions', deep))
  expect(secretCount()).toBeGreaterThan(500)
  // While it runs: the write-ahead log, too.
  const early = [bytesUnder(folder), Buffer.from(await adminText(admin))]
  expect(early[1]?.toString()).toContain('trace_record_recorded_total')
  expect(await stop()).toBe(0)

  const rows = await rowsOf(join(folder, 'rec'))
  expect(rows.length).toBeGreaterThanOrEqual(ENDPOINTS.length * 8)
  // The secrets did pass: through answers that were read, refused, and cut.
  expect(new Set(rows.map(({ outcome }) => outcome)).size).toBeGreaterThan(1)
  expect(rows.filter(({ outputTokens }) => (outputTokens ?? 0) > 0).length).toBeGreaterThan(3)
  expect(rows.filter(({ tenant }) => tenant !== null).length).toBeGreaterThan(20)
  const late = [bytesUnder(folder), Buffer.from(said.err + said.out)]
  expect(secretsIn(Buffer.concat([...early, ...late]))).toEqual([])
})

test('nor where the observer throws what it read, or is killed in the middle of it', async () => {
  const printed: string[] = []
  const { session, port, directory, observers, said, remove } = await startSession(server.port, {
    options: NAMES,
    directory: join(folder, 'crashing'),
    startObserver(config) {
      const observer = startThrowingObserver(config, false)
      for (const stream of [observer.stdout, observer.stderr]) {
        stream.on('data', (bytes: Buffer) => void printed.push(bytes.toString()))
      }
      return observer
    },
  })
  const admin = adminServer(session, 'token')
  cleanUps.push(remove, async () => admin.close())
  const place = await admin.listen({ host: '127.0.0.1', port: 0 })
  const told: string[] = []
  const stream = () => JSON.stringify(body({ model: 'known', stream: true }))
  const before = secretCount()
  const crashes: ((path: string) => Promise<unknown>)[] = [
    (path) => send(port, post(path, stream(), `X-Poison: ${POISON}\r\n`)),
    (path) => send(port, post(path, stream(), ASKS_POISON)),
    async (path) => {
      const socket = await wireClient(port)
      cleanUps.push(async () => void socket.destroy())
      socket.write(post(path, stream()).subarray(0, -40))
      await pause(100_000)
      return observers.at(-1)?.terminate()
    },
  ]
  for (const [nth, crash] of crashes.entries()) {
    while (session.status().degraded !== null) await pause(10_000)
    for (const path of ENDPOINTS.slice(0, 2)) await send(port, post(path, stream()))
    await crash('/v1/chat/completions')
    while (session.status().degraded === null && observers.length === nth + 1) await pause(5_000)
    told.push(await adminText(place))
    for (const path of ENDPOINTS) await send(port, post(path, stream()))
  }
  while (observers.length <= crashes.length) await pause(10_000)
  told.push(await adminText(place))
  const early = bytesUnder(directory)
  await session.close(5_000_000)
  expect(secretCount() - before).toBeGreaterThan(500)
  expect(secretsIn(Buffer.from(`what is searched finds ${secret()}`)).length).toBe(1)
  expect((await gapsOf(directory)).map(({ reason }) => reason)).toContain('observer_down')
  const words = [...told, ...printed, said.err, said.out].join('\n')
  expect(words).toContain('trace_record_degraded 1')
  expect(secretsIn(Buffer.concat([early, bytesUnder(directory), Buffer.from(words)]))).toEqual([])
  expect(words).not.toContain(POISON)
})
