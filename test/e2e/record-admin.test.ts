/** The recorder's admin listener: open to look, closed to change, and not there for clients. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { openTrace } from '../../src/trace/open.ts'
import { complete, STREAM, streamServer } from '../support/completions.ts'
import { gapsOf, rowsOf } from '../support/recorder.ts'
import { testWorld } from '../support/test-world.ts'
import { freePort, wireClient, type WireServer } from '../support/wire.ts'

let server: WireServer
let port: number
let admin: string
let adminPort: number
let directory: string
let running: Promise<number>
let run: ReturnType<typeof testWorld>

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

beforeEach(async () => {
  server = await streamServer()
  port = await freePort()
  adminPort = await freePort()
  admin = `http://127.0.0.1:${adminPort}`
  directory = mkdtempSync(join(tmpdir(), 'trace-admin-'))
  run = testWorld({ clock: systemClock })
  const words =
    `record --upstream http://127.0.0.1:${server.port} --listen 127.0.0.1:${port} ` +
    `--out ${directory} --admin-listen 127.0.0.1:${adminPort} --metrics-url off --tokenize-rate 0`
  running = main(words.split(' '), run.world)
  while (!run.said.err.includes('admin at')) await wait(10)
})

afterEach(async () => {
  run.signal('SIGTERM')
  await running
  await server.close()
  rmSync(directory, { recursive: true, force: true })
  for (const end of ['key', 'admin-token']) rmSync(`${directory}.${end}`, { force: true })
})

async function trace(...words: string[]) {
  const { world, said } = testWorld({ clock: systemClock })
  return { code: await main(words, world), ...said }
}

test('health, readiness and metrics need no token', async () => {
  expect(await complete(wireClient, port, 1)).toBe(STREAM)
  await wait(400)
  const health = (await (await fetch(`${admin}/healthz`)).json()) as { status: string }
  expect(health.status).toBe('ok')
  expect((await fetch(`${admin}/readyz`)).status).toBe(200)
  const metrics = await (await fetch(`${admin}/metrics`)).text()
  expect(metrics).toMatch(/^trace_record_recorded_total 1$/m)
  expect(metrics).toMatch(/^trace_record_degraded 0$/m)
})

/** Asks by hand, since fetch takes no other Host. @returns status line and all that came with it */
async function ask(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const socket = await wireClient(adminPort)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n`)
  let text = ''
  socket.on('data', (bytes: Buffer) => void (text += bytes.toString()))
  await once(socket, 'end')
  socket.destroy()
  return text
}

test('a site that calls itself this machine reads no figures; scrapers and probes call it what they like', async () => {
  const renamed = { Host: `rebound.example:${adminPort}` }
  const browser = { 'Accept-Language': 'en', 'User-Agent': 'Mozilla/5.0' }
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect(await ask(path, { ...renamed, ...browser })).toMatch(/^HTTP\/1\.1 421 /)
    expect(await ask(path, renamed)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await ask(path, { Host: `localhost:${adminPort}`, ...browser })).toMatch(
      /^HTTP\/1\.1 200 /,
    )
  }
})

test('a thousand watchers at once are all answered, most of them with 503, and metrics go on', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 1_000 }, async () => wireClient(adminPort)),
  )
  const statuses = sockets.map(async (socket) => {
    socket.write('GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    return bytes.toString('latin1', 9, 12)
  })
  const metrics = fetch(`${admin}/metrics`)
  const answered = await Promise.all(statuses)
  expect(answered.filter((status) => status === '200')).toHaveLength(16)
  expect(answered.filter((status) => status === '503')).toHaveLength(984)
  expect((await metrics).status).toBe(200)
  const others = await ask('/', { Host: '127.0.0.1' })
  expect(others).toMatch(/^HTTP\/1\.1 200 /)
  for (const socket of sockets) socket.destroy()
})

test('a recorder whose admin port is taken says so and ends', async () => {
  const words =
    `bin/trace.js record --upstream http://127.0.0.1:${server.port} --listen 127.0.0.1:${await freePort()} ` +
    `--out ${directory}/second --admin-listen 127.0.0.1:${adminPort}`
  const child = spawn(process.execPath, words.split(' '), { timeout: 15_000 })
  let err = ''
  child.stderr.on('data', (text: Buffer) => (err += text.toString()))
  expect(await once(child, 'close')).toEqual([2, null])
  expect(err).toContain('(--admin-listen) is in use')
})

test('switches want the token, and any other is refused', async () => {
  for (const route of ['pause', 'resume', 'rotate', 'mark']) {
    for (const authorization of ['', 'Bearer wrong', 'Basic eDp5']) {
      const answer = await fetch(`${admin}/${route}`, {
        method: 'POST',
        headers: { authorization },
      })
      expect(answer.status).toBe(401)
    }
  }
})

test('trace mark leaves an event; pause and resume leave a gap', async () => {
  const token = `${directory}.admin-token`
  const marked = await trace('mark', 'deploy 42', '--admin', admin, '--token-file', token)
  expect(marked).toMatchObject({ code: 0, err: 'marked\n' })
  const headers = { authorization: `Bearer ${readFileSync(token, 'utf8').trim()}` }
  await fetch(`${admin}/pause`, { method: 'POST', headers })
  expect(await complete(wireClient, port, 1)).toBe(STREAM)
  await fetch(`${admin}/resume`, { method: 'POST', headers })
  await fetch(`${admin}/rotate`, { method: 'POST', headers })
  await wait(300)
  expect(await complete(wireClient, port, 2)).toBe(STREAM)
  run.signal('SIGTERM')
  await running
  const reader = await openTrace(directory)
  const marks = (await reader.events()).filter(({ kind }) => kind === 'mark')
  await reader.close()
  expect(marks.map(({ detail }) => detail)).toEqual(['{"text":"deploy 42"}'])
  expect((await rowsOf(directory)).map(({ maxTokens }) => maxTokens)).toEqual([2])
  expect(await gapsOf(directory)).toMatchObject([{ reason: 'paused', count: 1 }])
})

test('CVE-2025-23217: clients of the proxy cannot reach the admin listener through it', async () => {
  let reached = ''
  const socket = await wireClient(port)
  socket.on('data', (bytes: Buffer) => void (reached += bytes.toString()))
  socket.write(`GET ${admin}/healthz HTTP/1.1\r\nHost: 127.0.0.1:${adminPort}\r\n\r\n{}`)
  await wait(200)
  socket.destroy()
  expect(reached).not.toContain('degraded')
})

test('a token of another recorder is a wrong flag, and a server that is no recorder is unfit', async () => {
  const other = mkdtempSync(join(tmpdir(), 'trace-token-'))
  writeFileSync(join(other, 'token'), 'x')
  const words = ['mark', 'x', '--token-file', join(other, 'token'), '--admin']
  expect((await trace(...words, admin)).code).toBe(2)
  expect((await trace(...words, `http://127.0.0.1:${await freePort()}`)).code).toBe(4)
  rmSync(other, { recursive: true })
})
