/** A client that stops reading in the middle of a stream and then leaves, without reading on. */
import { afterEach, expect, test } from 'vitest'
import { rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import { completionRequest, wireClient, wireServer, type WireServer } from '../support/wire.ts'

let server: WireServer | null = null
let recorder: Recorder | null = null

afterEach(async () => {
  await recorder?.stop()
  await server?.close()
  recorder?.remove()
  server = null
  recorder = null
})

const REQUEST = completionRequest({ model: 'm', prompt: 'p', stream: true })
const EVENT = `data: ${JSON.stringify({ choices: [{ index: 0, text: 'x'.repeat(4_000) }] })}\n\n`
/** More than the buffers of three sockets hold. */
const EVENTS = 10_000

test('a pause that the client never ends is in the row of its hang-up', async () => {
  const { promise: isStuck, resolve } = Promise.withResolvers<void>()
  server = await wireServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n')
      for (let index = 0; index < EVENTS; index += 1) socket.write(EVENT)
      let seen = -1
      const poll = setInterval(() => {
        if (socket.bytesWritten - socket.writableLength === seen) resolve()
        seen = socket.bytesWritten - socket.writableLength
      }, 300)
      socket.on('close', () => clearInterval(poll))
    })
  })
  recorder = await startRecorder(server.port)
  const client = await wireClient(recorder.port)
  client.on('error', () => undefined)
  client.write(REQUEST)
  await isStuck
  client.resetAndDestroy()
  await recorder.stop()
  const [row] = await rowsOf(recorder.directory)
  expect(row).toMatchObject({ outcome: 'client_abort', status: 200 })
  expect(row?.stallUs).toBeGreaterThan(0)
}, 60_000)
