/** Many clients at once, of whom most do nothing: what they cost the recorder in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { completionRequest, STREAM_END, STREAM_HEAD, token } from '../support/completions.ts'
import { spawnRecorder } from '../support/recorder-process.ts'
import { gapsOf, rowsOf } from '../support/recorder.ts'
import { freePort, wireClient, wireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function recorderOn(handler: (socket: Socket) => void, flags: readonly string[] = []) {
  const server = await wireServer(handler)
  const directory = mkdtempSync(join(tmpdir(), 'trace-crowd-'))
  const recorder = await spawnRecorder(server.port, await freePort(), directory, flags)
  while (!recorder.said().includes('keeps ')) await wait(20)
  cleanUps.push(() => {
    recorder.child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
    rmSync(`${directory}.key`, { force: true })
    return server.close()
  })
  return { recorder, directory, server }
}

/** In groups, so that no listener's queue overflows. */
async function connectMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(250, count - sockets.length) })
    sockets.push(...(await Promise.all(group.map(async () => wireClient(port)))))
  }
  return sockets
}

const STREAMS = 2_000
const IDLE = 5_000
const TOKENS = 8
const MB = 1_000_000

test('2,000 slow streams beside 5,000 idle connections stay under 400 MB', async () => {
  const { recorder, directory } = await recorderOn((socket) => {
    socket.once('data', () => {
      socket.write(STREAM_HEAD)
      let left = TOKENS
      const timer = setInterval(() => {
        left -= 1
        if (left > 0) return void socket.write(token('a'))
        clearInterval(timer)
        return void socket.end(token('b', 'stop') + STREAM_END)
      }, 1_000)
    })
  })
  const idle = await connectMany(recorder.port, IDLE)
  const streams = await connectMany(recorder.port, STREAMS)
  const run = { ended: 0 }
  for (const socket of streams) {
    socket.on('end', () => {
      run.ended += 1
      socket.end()
    })
    socket.resume()
    socket.write(completionRequest(9))
  }
  let most = 0
  while (run.ended < STREAMS) {
    most = Math.max(most, recorder.memoryBytes())
    await wait(200)
  }
  console.log(`${STREAMS} streams and ${IDLE} idle connections: ${Math.round(most / MB)} MB`)
  expect(most).toBeLessThan(400 * MB)
  for (const socket of [...idle, ...streams]) socket.destroy()
  recorder.child.kill('SIGTERM')
  expect(await recorder.exited).toBe(0)
  const rows = await rowsOf(directory)
  expect(await gapsOf(directory)).toEqual([])
  expect(rows.length).toBe(STREAMS)
  expect(rows.every((row) => row.outcome === 'ok' && row.outputTokens === TOKENS)).toBe(true)
}, 120_000)

const STALLED = 24

test('a client that stops reading while 200 MB stream costs at most 1 MB', async () => {
  const piece = Buffer.alloc(65_536, 'x')
  let sentBytes = 0
  const { recorder } = await recorderOn(
    (socket) => {
      socket.once('data', (asked: Buffer) => {
        if (asked.toString('latin1', 0, 4) !== 'POST') {
          socket.destroy()
          return
        }
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 200000000\r\n\r\n',
        )
        const pump = () => {
          while (socket.write(piece)) sentBytes += piece.length
          sentBytes += piece.length
        }
        socket.on('drain', pump)
        pump()
      })
    },
    // What is kept of an answer to look at it later is not what is asked here.
    ['--max-body=64KB'],
  )
  await wait(500)
  const stall = async (count: number) => {
    const sockets = await connectMany(recorder.port, count)
    for (const socket of sockets) {
      socket.pause()
      socket.write(completionRequest(7, false))
    }
    // Until all of them, and the observer behind them, stand still.
    for (let before = -1; before !== sentBytes;) {
      before = sentBytes
      await wait(1_000)
    }
    return recorder.memoryBytes()
  }
  // The first ones pay for pools and code that all share.
  const few = await stall(STALLED)
  const many = await stall(STALLED)
  const eachBytes = (many - few) / STALLED
  console.log(`${Math.round(eachBytes / 1_000)} kB for each stalled client`)
  expect(eachBytes).toBeLessThan(MB)
  expect(sentBytes / (2 * STALLED)).toBeLessThan(200 * MB)
}, 60_000)
