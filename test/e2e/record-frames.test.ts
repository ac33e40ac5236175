/** Frames pass as they come: none waits for the next one, whatever stands between. */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { completionRequest, STREAM_END, STREAM_HEAD, token } from '../support/completions.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { wireClient, wireServer } from '../support/wire.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname

const cleanUps = cleanUpsOfEachTest()

async function tlsClient(port: number): Promise<Socket> {
  const ca = readFileSync(tlsFile('authority.pem'), 'utf8')
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'model.internal' })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

const FRAMES = [
  STREAM_HEAD + token('0'),
  ...Array.from({ length: 30 }, (_unused, index) => token(String(index + 1))),
  token('end', 'stop') + STREAM_END,
]

/** What a client holds once frame `index` is there. */
const upTo = (index: number) => FRAMES.slice(0, index + 1).join('')

const WAYS = [
  ['as it is', {}, wireClient],
  ['over TLS', { tlsCert: tlsFile('server.pem'), tlsKey: tlsFile('server.key') }, tlsClient],
  ['with --ask-usage', { askUsage: true }, wireClient],
  ['with --workers 2', { workers: '2' }, wireClient],
] as const

test.each(WAYS)(
  'a frame reaches the client before the server makes the next one: %s',
  async (_name, changes, connect) => {
    let sentCount = 0
    /** Set by the server's side: makes one more frame. */
    let makeNext: () => void = () => undefined
    const server = await wireServer((socket) => {
      makeNext = () => {
        socket.write(FRAMES[sentCount] ?? '')
        sentCount += 1
      }
      let asked = ''
      socket.on('data', (bytes: Buffer) => {
        asked += bytes.toString('latin1')
        if (asked.endsWith('}') && sentCount === 0) makeNext()
      })
    })
    cleanUps.push(server.close)
    const recorder = await startRecorder(server.port, changes)
    cleanUps.push(recorder.remove, recorder.stop)
    const client = await connect(recorder.port)
    const whole = Promise.withResolvers<string>()
    let text = ''
    client.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      // Nothing but what was made can be here; only all of it lets the server go on.
      if (text !== upTo(sentCount - 1)) return
      if (sentCount === FRAMES.length) whole.resolve(text)
      else makeNext()
    })
    client.on('error', whole.reject)
    client.write(completionRequest(9))
    expect(await whole.promise).toBe(upTo(FRAMES.length))
    client.destroy()
    await recorder.stop()
    expect(await rowsOf(recorder.directory)).toMatchObject([{ outcome: 'ok', outputTokens: 32 }])
  },
)
