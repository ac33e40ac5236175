/** Compressed bodies: every byte passes as it came; the observer unpacks a copy, but no bomb. */
import type { Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { complete, STREAM, streamServer } from '../support/completions.ts'
import { gapsOf, rowsOf, startRecorder } from '../support/recorder.ts'
import { watch, wireClient, wireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const CODINGS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const

const BOMB_BYTES = 40_000_000

type Message = Readonly<{ bytes: Buffer; bodyBytes: number }>

function message(start: string, type: string, coding: string, body: Buffer): Message {
  const head =
    `${start}\r\nHost: h\r\ncontent-type: ${type}\r\ncontent-encoding: ${coding}\r\n` +
    `content-length: ${body.length}\r\n\r\n`
  return { bytes: Buffer.concat([Buffer.from(head), body]), bodyBytes: body.length }
}

const asked = (coding: string, body: Buffer) =>
  message('POST /v1/completions HTTP/1.1', 'application/json', coding, body)
const answered = (type: string, coding: string, body: Buffer) =>
  message('HTTP/1.1 200 OK', type, coding, body)

const REQUEST = { model: 'm', prompt: 'p', max_tokens: 7 }
const ANSWER = {
  model: 'm',
  choices: [{ index: 0, text: 'ab', finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2 },
}
const json = (value: object) => Buffer.from(JSON.stringify(value))

/** A recorder in front of a server that wants exactly `request` and then says `answer`. */
async function exchange(request: Message, answer: Message) {
  const heard: Buffer[] = []
  const server = await wireServer((socket: Socket) => {
    let size = 0
    socket.on('data', (bytes: Buffer) => {
      const isQuestion = size === 0 && bytes.toString('latin1', 0, 4) === 'GET '
      if (!isQuestion) heard.push(bytes)
      size += bytes.length
      if (isQuestion) socket.end()
      else if (size === request.bytes.length) socket.end(answer.bytes)
    })
  })
  const recorder = await startRecorder(server.port)
  cleanUps.push(server.close, recorder.remove, recorder.stop)
  const client = await wireClient(recorder.port)
  const { ended } = watch(client)
  client.write(request.bytes)
  const seen = await ended
  client.destroy()
  expect(Buffer.concat(heard).equals(request.bytes)).toBe(true)
  expect(seen.bytes.equals(answer.bytes)).toBe(true)
  await recorder.stop()
  expect(await gapsOf(recorder.directory)).toEqual([])
  const rows = await rowsOf(recorder.directory)
  expect(rows.length).toBe(1)
  expect(rows[0]).toMatchObject({
    outcome: 'ok',
    status: 200,
    requestBytes: request.bodyBytes,
    responseBytes: answer.bodyBytes,
  })
  return rows[0]
}

test.each(CODINGS)('%s on both sides passes as it is, and is read', async (coding, pack) => {
  const row = await exchange(
    asked(coding, pack(json(REQUEST))),
    answered('application/json', coding, pack(json(ANSWER))),
  )
  expect(row).toMatchObject({ maxTokens: 7, promptTokens: 3, outputTokens: 2, label: null })
})

test.each(CODINGS)('a stream in %s is read once it is whole', async (coding, pack) => {
  const event = (text: string) =>
    `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, text }] })}\n\n`
  const usage = `data: ${JSON.stringify({ model: 'm', choices: [], usage: ANSWER.usage })}\n\n`
  const events = Buffer.from(`${event('a')}${event('b')}${usage}data: [DONE]\n\n`)
  const row = await exchange(
    asked('identity', json({ ...REQUEST, stream: true })),
    answered('text/event-stream', coding, pack(events)),
  )
  expect(row).toMatchObject({ maxTokens: 7, outputTokens: 2, tokenSource: 'server', label: null })
  expect([row?.chunkTimes, (row?.ttftUs ?? 0) > 0, (row?.e2eUs ?? 0) > 0]).toEqual([
    null,
    true,
    true,
  ])
})

test.each(CODINGS)(
  'a bomb in %s passes, and is not unpacked: its row has sizes and times, and is marked',
  async (coding, pack) => {
    const bomb = pack(Buffer.alloc(BOMB_BYTES, ' '))
    const asking = await exchange(
      asked(coding, bomb),
      answered('application/json', 'identity', json(ANSWER)),
    )
    expect(asking).toMatchObject({ maxTokens: null, outputTokens: 2, label: 'cut' })
    const answering = await exchange(
      asked('identity', json(REQUEST)),
      answered('application/json', coding, bomb),
    )
    expect(answering).toMatchObject({ maxTokens: 7, outputTokens: null, label: 'cut' })
    expect(answering?.e2eUs).toBeGreaterThan(0)
  },
)

test('after a bomb the same recorder goes on recording', async () => {
  const server = await streamServer()
  const recorder = await startRecorder(server.port)
  cleanUps.push(server.close, recorder.remove, recorder.stop)
  const client = await wireClient(recorder.port)
  client.write(asked('gzip', gzipSync(Buffer.alloc(BOMB_BYTES, '}'))).bytes)
  expect(await complete(wireClient, recorder.port, 1)).toBe(STREAM)
  client.destroy()
  await recorder.stop()
  const rows = await rowsOf(recorder.directory)
  expect(rows.map(({ maxTokens, outcome }) => [maxTokens, outcome])).toContainEqual([1, 'ok'])
  expect(await gapsOf(recorder.directory)).toEqual([])
})
