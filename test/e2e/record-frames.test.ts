/** Frames pass as they come: none waits for the next one, whatever stands between. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  ['while the queue is full', { queueBytes: '1KB' }, wireClient],
  ['while nothing can be written', { out: 'blocked' }, wireClient],
] as const

/** A recording that cannot be begun: a folder above its own is not mounted yet. */
function blockedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trace-frames-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(folder, 'not mounted'), join(folder, 'disk'))
  return join(folder, 'disk', 'prod')
}

test.each(WAYS)(
  'a frame reaches the client before the server makes the next one: %s',
  async (_name, changes, connect) => {
    // What is held back for its usage may come in one chunk with what follows it.
    const told = (all: string) =>
      'askUsage' in changes ? all.replaceAll(/\r\n[0-9a-f]+\r\n/g, '') : all
    let sentCount = 0
    /** Set by the server's side: makes one more frame. */
    let makeNext: () => void = () => undefined
    const server = await wireServer((socket) => {
      let asked = ''
      socket.on('end', () => socket.end())
      socket.on('data', (bytes: Buffer) => {
        asked += bytes.toString('latin1')
        // The recorder's own questions, at any time, end without a body.
        if (!asked.endsWith('}') || sentCount > 0) return
        makeNext = () => {
          socket.write(FRAMES[sentCount] ?? '')
          sentCount += 1
        }
        makeNext()
      })
    })
    cleanUps.push(server.close)
    const recorder = await startRecorder(
      server.port,
      'out' in changes ? { out: blockedFolder() } : changes,
    )
    cleanUps.push(recorder.remove, recorder.stop)
    const client = await connect(recorder.port)
    const whole = Promise.withResolvers<string>()
    let text = ''
    client.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      // Nothing but what was made can be here; only all of it lets the server go on.
      if (told(text) !== told(upTo(sentCount - 1))) return
      if (sentCount === FRAMES.length) whole.resolve(text)
      else makeNext()
    })
    client.on('error', whole.reject)
    client.write(completionRequest(9))
    expect(told(await whole.promise)).toBe(told(upTo(FRAMES.length)))
    client.destroy()
    await recorder.stop()
    if ('out' in changes) return
    const rows = 'queueBytes' in changes ? [] : [{ outcome: 'ok', outputTokens: 32 }]
    expect(await rowsOf(recorder.directory)).toMatchObject(rows)
  },
)
