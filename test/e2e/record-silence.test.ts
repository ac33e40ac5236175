/** Clients that say nothing, and clients that take their time: neither hangs, and neither loses a byte. */
import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { HALF_CLOSED_US } from '../../src/record/patience.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { startRecorder } from '../support/recorder.ts'
import { startSession } from '../support/session.ts'
import { freePort, sha256, watch, wireClient, wireServer } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

test('a server that speaks first is heard by a client that waits for it', async () => {
  const server = await wireServer((socket) => {
    socket.write('220 ready\r\n')
    socket.on('data', (bytes: Buffer) => socket.end(`you said ${bytes.toString()}`))
  })
  cleanUps.push(server.close)
  const recorder = await startRecorder(server.port, { dialSilent: '100ms' })
  cleanUps.push(recorder.remove, recorder.stop)
  const client = await wireClient(recorder.port)
  const { ended } = watch(client)
  await new Promise((resolve) => client.once('data', resolve))
  client.write('HELO\r\n')
  expect((await ended).bytes.toString()).toBe('220 ready\r\nyou said HELO\r\n')
  client.destroy()
})

test('a server that turns silent clients away is seen to do so', async () => {
  const server = await wireServer((socket) => socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'))
  cleanUps.push(server.close)
  const recorder = await startRecorder(server.port, { dialSilent: '100ms' })
  cleanUps.push(recorder.remove, recorder.stop)
  const client = await wireClient(recorder.port)
  const seen = await watch(client).ended
  client.destroy()
  expect(seen.bytes.toString()).toBe('HTTP/1.1 408 Request Timeout\r\n\r\n')
  expect(seen.end).toBe('fin')
})

test('a silent client whose server is away is reset, and told nothing it could take for an answer', async () => {
  const recorder = await startRecorder(await freePort(), { dialSilent: '100ms' })
  cleanUps.push(recorder.remove, recorder.stop)
  const client = await wireClient(recorder.port)
  const seen = await watch(client).ended
  expect(seen.bytes.length).toBe(0)
  expect(seen.end).toBe('reset')
})

/** The system's clock, as long as nobody moves it. */
function movableClock() {
  let aheadUs = 0
  const clock: Clock = { ...systemClock, nowUs: () => systemClock.nowUs() + aheadUs }
  return { clock, move: (us: number) => void (aheadUs += us) }
}

/** Small ones lie in the system's buffers as soon as the server has ended, larger ones also in ours. */
const SIZES = [400_000, 2_000_000, 8_000_000]

test.each(SIZES)(
  'a client that takes minutes for %i bytes gets them all, and a clean end',
  async (size) => {
    const answer = randomBytes(size)
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\nconnection: close\r\n\r\n`
    const server = await wireServer((socket) => {
      socket.once('data', () => {
        socket.write(head)
        socket.end(answer)
      })
    })
    const { clock, move } = movableClock()
    const { session, port, remove } = await startSession(server.port, { clock })
    cleanUps.push(server.close, remove)
    const client = await wireClient(port)
    client.write('POST /v1/completions HTTP/1.1\r\nHost: h\r\ncontent-length: 2\r\n\r\n{}')
    const hash = createHash('sha256')
    let gotBytes = 0
    let nextPauseBytes = 0
    const { promise: ended, resolve } = Promise.withResolvers<string>()
    client.on('end', () => resolve('fin'))
    client.on('error', () => resolve('reset'))
    client.on('data', (bytes: Buffer) => {
      hash.update(bytes)
      gotBytes += bytes.length
      if (gotBytes < nextPauseBytes) return
      // A step of a megabyte, then a pause for longer than a connection is kept on which nothing moves.
      nextPauseBytes += 1_000_000
      client.pause()
      void wait(300).then(() => move(HALF_CLOSED_US + 1))
      void wait(1_100).then(() => client.resume())
    })
    expect(await ended).toBe('fin')
    client.destroy()
    expect(hash.digest('hex')).toBe(sha256(Buffer.concat([Buffer.from(head), answer])))
    await session.drain(1_000_000)
    await session.close(5_000_000)
  },
)
