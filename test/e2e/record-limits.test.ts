/** Each limit of docs/recording.md, gone past: bytes pass as they are, and the trace says what was not seen. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import {
  chunk,
  complete,
  completionRequest,
  STREAM,
  STREAM_END,
  STREAM_HEAD,
  streamServer,
  token,
} from '../support/completions.ts'
import { gapsOf, rowsOf, startRecorder } from '../support/recorder.ts'
import { ask, watch, wireClient, wireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

type Changes = Parameters<typeof startRecorder>[1]

async function recorderOn(port: number, changes: Changes) {
  const recorder = await startRecorder(port, changes)
  cleanUps.push(recorder.remove, recorder.stop)
  return recorder
}

/** A server that says `answer` to each request and ends the connection; null: says nothing at all. */
async function recorderBefore(answer: string | null, changes: Changes) {
  const server = await wireServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (answer !== null && bytes.toString('latin1').includes('}')) socket.end(answer)
    })
  })
  cleanUps.push(server.close)
  return recorderOn(server.port, changes)
}

const HEAD = 'POST /v1/completions HTTP/1.1\r\nHost: h\r\n'
const whole = (text: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`
const COUNTED = { prompt_tokens: 3, completion_tokens: 2 }
const answerOf = (text: string) =>
  whole(JSON.stringify({ model: 'm', choices: [{ index: 0, text }], usage: COUNTED }))

test('--max-connections: one more is reset, and one that ends makes room', async () => {
  const server = await streamServer()
  cleanUps.push(server.close)
  const recorder = await recorderOn(server.port, { maxConnections: '3' })
  // The start-up's own look at the port has ended.
  while ((await firstEnd(recorder.port)) === 'reset') await wait(20)
  const held = await Promise.all([1, 2, 3].map(async () => wireClient(recorder.port)))
  const fourth = await wireClient(recorder.port)
  expect((await watch(fourth).ended).end).toBe('reset')
  for (const socket of held) socket.destroy()
  await wait(50)
  expect(await complete(wireClient, recorder.port, 1)).toBe(STREAM)
})

async function firstEnd(port: number): Promise<string> {
  const socket = await wireClient(port)
  const { ended } = watch(socket)
  const end = await Promise.race([ended.then((seen) => seen.end), wait(50).then(() => 'open')])
  socket.destroy()
  return end
}

test('--max-head: a longer head passes, and a gap counts its request', async () => {
  const answer = answerOf('x')
  const recorder = await recorderBefore(answer, { maxHead: '1KB' })
  const request = `${HEAD}x-long: ${'y'.repeat(2_000)}\r\ncontent-length: 2\r\n\r\n{}`
  expect((await ask(recorder.port, request)).bytes.toString()).toBe(answer)
  await recorder.stop()
  expect(await rowsOf(recorder.directory)).toEqual([])
  expect(await gapsOf(recorder.directory)).toMatchObject([{ reason: 'unreadable', count: 1 }])
})

test('--max-body: a longer request passes; its row has sizes and times, and is marked', async () => {
  const recorder = await recorderBefore(answerOf('x'), { maxBody: '1KB' })
  const body = JSON.stringify({ model: 'm', prompt: 'p'.repeat(5_000), max_tokens: 4 })
  const request = `${HEAD}content-length: ${body.length}\r\n\r\n${body}`
  expect((await ask(recorder.port, request)).bytes.toString()).toBe(answerOf('x'))
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'ok', requestBytes: body.length, label: 'cut' })
  expect(row).toMatchObject({ maxTokens: null, promptTokens: 3, outputTokens: 2 })
})

test('--max-body: a longer answer passes; its row has sizes and times, and is marked', async () => {
  const answer = answerOf('x'.repeat(5_000))
  const recorder = await recorderBefore(answer, { maxBody: '1KB' })
  const seen = await ask(recorder.port, completionRequest(4, false))
  expect(seen.bytes.toString()).toBe(answer)
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  const responseBytes = answer.length - answer.indexOf('{')
  expect(row).toMatchObject({ outcome: 'ok', responseBytes, label: 'cut', maxTokens: 4 })
  expect(row).toMatchObject({ outputTokens: null })
})

/** A stream of 200 tokens, of which a limit hides the rest. */
const LONG = STREAM_HEAD + token('word ').repeat(199) + token('end', 'stop') + STREAM_END

test('--max-stream: a longer stream passes; what was not seen is estimated, and marked', async () => {
  const recorder = await recorderBefore(LONG, { maxStream: '4KB' })
  expect((await ask(recorder.port, completionRequest(900))).bytes.toString()).toBe(LONG)
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'ok', label: 'cut', tokenSource: 'estimate' })
  expect(row?.outputTokens).toBeGreaterThan(190)
  expect(row?.outputTokens).toBeLessThan(210)
})

test('an event of more than 4 MB passes, and its stream is looked at up to there', async () => {
  const long = STREAM_HEAD + token('a') + chunk(`data: ${'x'.repeat(4_500_000)}\n\n`) + STREAM_END
  const recorder = await recorderBefore(long, {})
  const seen = await ask(recorder.port, completionRequest(900))
  expect(seen.bytes.toString() === long).toBe(true)
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'ok', label: 'cut', tokenSource: 'estimate' })
})

test.each([
  ['--idle-timeout', { idleTimeout: '600ms' }],
  ['--total-timeout', { totalTimeout: '600ms' }],
] as const)(
  '%s: a connection that waits longer is cut, and its row says so',
  async (_n, changes) => {
    const recorder = await recorderBefore(null, changes)
    const seen = await ask(recorder.port, completionRequest(5))
    expect(seen).toMatchObject({ end: 'reset' })
    await recorder.stop()
    expect(await rowsOf(recorder.directory)).toMatchObject([{ outcome: 'timeout', maxTokens: 5 }])
  },
)

test('--idle-timeout leaves a stream alone on which something passes', async () => {
  const server = await wireServer((socket) => {
    socket.once('data', () => {
      let left = 8
      socket.write(STREAM_HEAD)
      const timer = setInterval(() => {
        left -= 1
        if (left > 0) return void socket.write(token('a'))
        clearInterval(timer)
        return void socket.end(token('b', 'stop') + STREAM_END)
      }, 200)
    })
  })
  cleanUps.push(server.close)
  const recorder = await recorderOn(server.port, { idleTimeout: '700ms' })
  expect((await ask(recorder.port, completionRequest(5))).end).toBe('fin')
  await recorder.stop()
  expect(await rowsOf(recorder.directory)).toMatchObject([{ outcome: 'ok', outputTokens: 8 }])
})

test('--connect-timeout: a server that takes the connection and never speaks TLS is a 502', async () => {
  const server = await wireServer(() => undefined)
  cleanUps.push(server.close)
  const upstream = `https://127.0.0.1:${server.port}`
  const recorder = await recorderOn(server.port, { upstream, connectTimeout: '600ms' })
  const seen = await ask(recorder.port, completionRequest(5))
  expect(seen.bytes.toString()).toMatch(/^HTTP\/1\.1 502 /)
})

test('a client that owes a PROXY header is closed after 5 s', async () => {
  const recorder = await recorderBefore(null, { proxyProtocol: true })
  const client = await wireClient(recorder.port)
  client.write('PROXY TCP4 192.0.2.7 ')
  expect((await watch(client).ended).bytes.length).toBe(0)
  client.destroy()
})

test('--queue-records: no room for one more read is a gap', async () => {
  const server = await streamServer()
  cleanUps.push(server.close)
  const recorder = await recorderOn(server.port, { queueRecords: '1' })
  for (let index = 0; index < 4; index += 1) {
    expect(await complete(wireClient, recorder.port, index)).toBe(STREAM)
  }
  await recorder.stop()
  const gaps = await gapsOf(recorder.directory)
  const missing = gaps.reduce((sum, { count }) => sum + count, 0)
  expect((await rowsOf(recorder.directory)).length + missing).toBe(4)
  expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['queue_full']))
})

test('--rotate-size and --keep-bytes: segments stay small, and the disk is bounded', async () => {
  const server = await streamServer()
  cleanUps.push(server.close)
  const recorder = await recorderOn(server.port, { rotateSize: '100KB', keepBytes: '300KB' })
  const { directory } = recorder
  const segments = () => readdirSync(directory).filter((name) => /^\d+\.sqlite$/.test(name))
  let sent = 0
  while (!segments().includes('000006.sqlite')) {
    const marks = Array.from({ length: 50 }, () => (sent += 1))
    await Promise.all(marks.map(async (mark) => complete(wireClient, recorder.port, mark)))
  }
  await recorder.stop()
  expect(segments()).not.toContain('000001.sqlite')
  const bytes = segments().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  // What is kept, the segment that was open, and one that was finished beside it.
  expect(bytes).toBeLessThan(700_000)
  const rows = await rowsOf(directory)
  expect(rows.at(-1)?.maxTokens).toBe(sent)
}, 60_000)
