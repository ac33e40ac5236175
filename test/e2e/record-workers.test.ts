/** Several threads that relay behind one port, and one that writes. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { pause } from '../../src/base/clock.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { gapsOf, rowsOf, startRecorder } from '../support/recorder.ts'
import { startSession } from '../support/session.ts'
import { ask, completionRequest, wireServer } from '../support/wire.ts'

const THREADS = 3
const CLIENTS = 40
const TCP_TABLE = '/proc/net/tcp'

const cleanUps = cleanUpsOfEachTest()

/** Streams the request's max_tokens back in three pieces, then closes. */
async function startServer() {
  const asked = new Set<string>()
  const server = await wireServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const name = /"max_tokens":(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? '?'
      asked.add(name)
      void answer(name)
    })
    const answer = async (name: string): Promise<void> => {
      const pieces = answerOf(Number(name)).split(/(?<=\n\n)/)
      for (const piece of pieces) {
        socket.write(piece)
        await pause(20_000)
      }
      socket.end()
    }
  })
  cleanUps.push(server.close)
  return { ...server, asked }
}

function answerOf(name: number): string {
  const event = (text: string, finish: string | null) => {
    const choices = [{ index: 0, text, finish_reason: finish }]
    return `data: ${JSON.stringify({ id: 'c', model: 'm', choices })}\n\n`
  }
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n'
  return `${head}${event(`one ${name}`, null)}${event('two', 'length')}data: [DONE]\n\n`
}

async function askAll(port: number, from: number, count = CLIENTS): Promise<boolean[]> {
  return Promise.all(
    Array.from({ length: count }, async (_u, index) => {
      const name = from + index
      const body = { model: 'm', prompt: 'p', max_tokens: name, stream: true }
      const { bytes, end } = await ask(port, completionRequest(body))
      return end === 'fin' && bytes.toString() === answerOf(name)
    }),
  )
}

const allWell = (count = CLIENTS) => Array.from({ length: count }, () => true)

function listenersOn(port: number): number {
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync(TCP_TABLE, 'utf8').split('\n')
  return rows.filter((row) => {
    const [, local = '', , state] = row.trim().split(/\s+/)
    return local.endsWith(place) && state === '0A'
  }).length
}

test('each client of several threads gets its own bytes, and all rows are in one recording', async () => {
  const server = await startServer()
  const recorder = await startRecorder(server.port, { workers: String(THREADS) })
  cleanUps.push(recorder.remove)
  const listeners = existsSync(TCP_TABLE) ? listenersOn(recorder.port) : THREADS
  expect(listeners).toBe(THREADS)
  expect(await askAll(recorder.port, 1)).toEqual(allWell())
  const running = askAll(recorder.port, 101)
  while (!allWell().every((_well, index) => server.asked.has(String(101 + index)))) {
    await pause(1_000)
  }
  expect(await recorder.stop()).toBe(0)
  expect(await running).toEqual(allWell())
  const rows = await rowsOf(recorder.directory)
  expect(rows.map(({ maxTokens }) => maxTokens).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([
    ...Array.from({ length: CLIENTS }, (_u, index) => 1 + index),
    ...Array.from({ length: CLIENTS }, (_u, index) => 101 + index),
  ])
  expect(new Set(rows.map(({ seq }) => seq)).size).toBe(2 * CLIENTS)
  expect(rows.every(({ outcome, outputTokens }) => outcome === 'ok' && outputTokens === 2)).toBe(
    true,
  )
  expect(await gapsOf(recorder.directory)).toEqual([])
  expect(recorder.said.out).toContain(`${2 * CLIENTS} requests`)
})

test('switched off, all threads pass requests unread and the gap counts those of all', async () => {
  const server = await startServer()
  const recorder = await startRecorder(server.port, { workers: String(THREADS) })
  cleanUps.push(recorder.remove)
  recorder.signal('SIGUSR2')
  while (!recorder.said.err.includes('recording is off')) await pause(1_000)
  // Threads learn of it by message: a request that ends was begun after that.
  await pause(100_000)
  expect(await askAll(recorder.port, 1)).toEqual(allWell())
  recorder.signal('SIGUSR2')
  while (!recorder.said.err.includes('recording is on')) await pause(1_000)
  await pause(100_000)
  expect(await askAll(recorder.port, 101)).toEqual(allWell())
  await recorder.stop()
  expect((await rowsOf(recorder.directory)).length).toBe(CLIENTS)
  const gaps = await gapsOf(recorder.directory)
  expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['paused']))
  expect(gaps.reduce((sum, { count }) => sum + count, 0)).toBe(CLIENTS)
})

test('a new observer hears all threads again after one that was killed', async () => {
  const server = await startServer()
  const { session, port, directory, observers, remove } = await startSession(server.port, {
    options: { workers: String(THREADS) },
  })
  cleanUps.push(remove)
  expect(await askAll(port, 1)).toEqual(allWell())
  while (session.status().counts.recorded < CLIENTS) await pause(10_000)
  await observers[0]?.terminate()
  expect(await askAll(port, 101)).toEqual(allWell())
  while (session.status().degraded !== null) await pause(10_000)
  await pause(100_000)
  expect(await askAll(port, 201)).toEqual(allWell())
  await session.drain(5_000_000)
  await session.close(5_000_000)
  const rows = await rowsOf(directory)
  const names = new Set(
    rows.flatMap(({ maxTokens, outcome }) => (outcome === 'ok' ? maxTokens : [])),
  )
  const missing = (from: number) =>
    Array.from({ length: CLIENTS }, (_u, index) => from + index).filter((name) => !names.has(name))
  expect([...missing(1), ...missing(201)]).toEqual([])
  const gaps = await gapsOf(directory)
  const counted = gaps.reduce((sum, { count }) => sum + count, 0)
  expect(counted).toBeGreaterThanOrEqual(missing(101).length)
})

test('a relaying thread that dies takes its own connections along, and another takes its place', async () => {
  const server = await startServer()
  const { session, port, directory, relays, remove } = await startSession(server.port, {
    options: { workers: String(THREADS) },
  })
  cleanUps.push(remove)
  expect(await askAll(port, 1)).toEqual(allWell())
  while (session.status().counts.recorded < CLIENTS) await pause(10_000)
  const before = existsSync(TCP_TABLE) ? listenersOn(port) : THREADS
  expect(before).toBe(THREADS)
  const running = askAll(port, 101)
  while (!allWell().every((_well, index) => server.asked.has(String(101 + index)))) {
    await pause(1_000)
  }
  await relays[0]?.terminate()
  const well = await running
  // The system had shared them out among three threads, of which two live.
  expect(well.filter(Boolean).length).toBeGreaterThan(0)
  while (relays.length < THREADS) await pause(10_000)
  while (existsSync(TCP_TABLE) && listenersOn(port) < THREADS) await pause(10_000)
  expect(await askAll(port, 201)).toEqual(allWell())
  await session.drain(5_000_000)
  await session.close(5_000_000)
  const rows = await rowsOf(directory)
  const ended = (from: number) =>
    rows.filter(({ maxTokens, outcome }) => {
      return outcome === 'ok' && maxTokens !== null && Math.floor(maxTokens / 100) === from
    }).length
  expect(ended(0)).toBe(CLIENTS)
  expect(ended(2)).toBe(CLIENTS)
  // What the dead thread had seen in its last moment nobody knows; the others' rows are there.
  expect(ended(1)).toBeGreaterThan(0)
  expect(new Set(rows.map(({ seq }) => seq)).size).toBe(rows.length)
})
