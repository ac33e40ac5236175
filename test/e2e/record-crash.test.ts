/** A recorder that is killed loses no arrival older than a moment, and starts again at once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { openTrace } from '../../src/trace/open.ts'
import { complete, completionRequest, STREAM, streamServer } from '../support/completions.ts'
import { spawnRecorder } from '../support/recorder-process.ts'
import { gapsOf, rowsOf } from '../support/recorder.ts'
import { freePort, wireClient, wireServer } from '../support/wire.ts'

/** A full round of the promise takes 100; each costs about two seconds. */
const KILLS = Number(process.env['TRACE_TEST_KILLS'] ?? 4)
const DURABLE_MS = 250
/** Starts on the same folder, each after a kill. */
const STARTS = 20
const BEAT_MS = 5

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function marksOf(directory: string): Promise<(number | null)[]> {
  return (await rowsOf(directory)).map(({ maxTokens }) => maxTokens)
}

/** One request, as the server and the client saw it; ms of the wall clock, null for what never came. */
type Passed = { mark: number; reachedMs: number | null; endedMs: number | null }

/** Answers after a moment, and notes when it had each request: then it had surely arrived. */
async function notingServer(noted: Map<number, Passed>) {
  return wireServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const mark = Number(/"max_tokens":(\d+)/.exec(bytes.toString('latin1'))?.[1])
      const each = noted.get(mark)
      if (each !== undefined) each.reachedMs = Date.now()
      setTimeout(() => socket.write(STREAM), 30)
    })
    socket.on('end', () => socket.end())
  })
}

/** The longest that this machine gave this process no turn: nobody else had one then. */
function watchStandstill() {
  let longestMs = 0
  let beforeMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - beforeMs - BEAT_MS)
    beforeMs = nowMs
  }, BEAT_MS)
  const end = () => {
    clearInterval(timer)
    return longestMs
  }
  return { end }
}

test(
  'killed at random instants under load, it has every arrival older than 250 ms, and its end',
  { timeout: KILLS * 15_000 },
  async () => {
    const draw = sequenceFor('kill', 'instants')
    const noted = new Map<number, Passed>()
    const server = await notingServer(noted)
    const directory = mkdtempSync(join(tmpdir(), 'trace-crash-'))
    const port = await freePort()
    const arrived: number[] = []
    const ended: number[] = []
    for (let kill = 0; kill < KILLS; kill += 1) {
      const recorder = await spawnRecorder(server.port, port, directory)
      const before = noted.size
      const run = { isOver: false }
      const client = async () => {
        while (!run.isOver) {
          const each: Passed = { mark: noted.size + 1, reachedMs: null, endedMs: null }
          noted.set(each.mark, each)
          try {
            const answer = await complete(wireClient, port, each.mark)
            if (answer === STREAM) each.endedMs = Date.now()
          } catch {
            return
          }
        }
      }
      const clients = Promise.all(Array.from({ length: 4 }, client))
      const standstill = watchStandstill()
      // At any instant since the first request, its observer's start included.
      await wait(draw() * 2_000)
      const killedMs = Date.now()
      recorder.child.kill('SIGKILL')
      run.isOver = true
      await recorder.exited
      await clients
      const safeMs = killedMs - DURABLE_MS - standstill.end()
      for (const { mark, reachedMs, endedMs } of [...noted.values()].slice(before)) {
        if (reachedMs !== null && reachedMs < safeMs) arrived.push(mark)
        if (endedMs !== null && endedMs < safeMs) ended.push(mark)
      }
    }
    const rows = await rowsOf(directory)
    const marks = new Set(rows.map(({ maxTokens }) => maxTokens))
    expect(arrived.filter((each) => !marks.has(each))).toEqual([])
    const whole = rows.filter(({ outcome }) => outcome === 'ok').map(({ maxTokens }) => maxTokens)
    const wholes = new Set(whole)
    expect(ended.filter((each) => !wholes.has(each))).toEqual([])
    expect(new Set(rows.map(({ seq }) => seq)).size).toBe(rows.length)
    await server.close()
    rmSync(directory, { recursive: true })
    rmSync(`${directory}.key`, { force: true })
    expect(arrived.length).toBeGreaterThan(0)
  },
)

test(
  'the same command line again after each kill serves at once, and adds to the recording',
  { timeout: STARTS * 10_000 },
  async () => {
    const server = await streamServer()
    const directory = mkdtempSync(join(tmpdir(), 'trace-again-'))
    const port = await freePort()
    const servedMs: number[] = []
    for (let start = 1; start <= STARTS; start += 1) {
      const beganMs = performance.now()
      const recorder = await spawnRecorder(server.port, port, directory)
      expect(await complete(wireClient, port, start)).toBe(STREAM)
      servedMs.push(Math.round(performance.now() - beganMs))
      while (!(await marksOf(directory)).includes(start)) await wait(20)
      recorder.child.kill('SIGKILL')
      await recorder.exited
    }
    console.log(`ms from each start to its first whole answer: ${servedMs.join(' ')}`)
    const every = Array.from({ length: STARTS }, (_unused, index) => index + 1)
    expect(await marksOf(directory)).toEqual(every)
    const reader = await openTrace(directory)
    const restarts = (await reader.events()).filter(({ kind }) => kind === 'restart')
    await reader.close()
    expect(restarts.length).toBe(STARTS - 1)
    await server.close()
    rmSync(directory, { recursive: true })
    rmSync(`${directory}.key`, { force: true })
  },
)

test('a client that stops reading while 200 MB stream costs the recorder little memory', async () => {
  const piece = Buffer.alloc(65_536, 'x')
  const sentBytes: number[] = []
  const server = await wireServer((socket) => {
    socket.once('data', (asked: Buffer) => {
      // The recorder asks who it stands in front of; that is no stream.
      if (asked.toString('latin1', 0, 4) !== 'POST') return socket.destroy()
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 200000000\r\n\r\n',
      )
      const index = sentBytes.push(0) - 1
      const pump = () => {
        for (let sent = sentBytes[index] ?? 0; sent < 200_000_000; sent = sentBytes[index] ?? 0) {
          const size = Math.min(piece.length, 200_000_000 - sent)
          sentBytes[index] = sent + size
          if (!socket.write(piece.subarray(0, size))) {
            socket.once('drain', pump)
            return
          }
        }
      }
      pump()
      return socket
    })
  })
  const directory = mkdtempSync(join(tmpdir(), 'trace-slow-'))
  // The server here never ends its side: nothing is gained by waiting for it long.
  const flags = ['--max-body=64KB', '--queue-bytes=2MB', '--drain=1s']
  const recorder = await spawnRecorder(server.port, await freePort(), directory, flags)
  const stalled = async () => {
    const client = await wireClient(recorder.port)
    client.pause()
    client.write(completionRequest(7, false))
    await wait(1_500)
    return client
  }
  // The first one brings code into memory that was never needed before.
  const first = await stalled()
  const before = recorder.memoryBytes()
  const client = await stalled()
  const grown = recorder.memoryBytes() - before
  // What the server could send lies in the kernel's buffers, as it would without a recorder.
  expect(Math.max(...sentBytes)).toBeLessThan(200_000_000)
  expect(grown).toBeLessThan(12_000_000)
  first.destroy()
  const whole = Promise.withResolvers<void>()
  let got = 0
  client.on('data', (bytes: Buffer) => {
    got += bytes.length
    if (got > 200_000_000) whole.resolve()
  })
  client.resume()
  await whole.promise
  client.destroy()
  await wait(300)
  recorder.child.kill('SIGTERM')
  expect(await recorder.exited).toBe(0)
  await server.close()
  // So small a queue may lose sight of so fast a stream; its row, or its gap, is there.
  const gaps = await gapsOf(directory)
  expect((await rowsOf(directory)).length + gaps.length).toBeGreaterThan(0)
  rmSync(directory, { recursive: true })
  rmSync(`${directory}.key`, { force: true })
})
