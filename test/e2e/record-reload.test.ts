/** SIGHUP: certificates change under way, for new connections only; wrong ones change nothing. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { completionRequest, STREAM, streamServer } from '../support/completions.ts'
import { rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A connection over TLS, and whose certificate it was shown. */
async function tlsClient(port: number): Promise<{ socket: TLSSocket; name: string }> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: readFileSync(tlsFile('authority.pem'), 'utf8'),
    // One of the two certificates is for another name: which one it is, is what is asked here.
    checkServerIdentity: () => undefined,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  cleanUps.push(() => socket.destroy())
  return { socket, name: String(socket.getPeerCertificate().subject.CN) }
}

async function nameShown(port: number): Promise<string> {
  const { socket, name } = await tlsClient(port)
  socket.destroy()
  return name
}

async function complete(socket: TLSSocket, mark: number): Promise<string> {
  let text = ''
  const whole = Promise.withResolvers<void>()
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    if (text.length >= STREAM.length) whole.resolve()
  })
  socket.on('error', whole.reject)
  socket.write(completionRequest(mark))
  await whole.promise
  socket.removeAllListeners('data')
  return text
}

/** What the recorder answers to the signal. */
async function hangUp(recorder: Recorder): Promise<string> {
  const before = recorder.said.err.length
  const news = () => recorder.said.err.slice(before)
  recorder.signal('SIGHUP')
  while (!/certificates .*\n/.test(news())) await wait(10)
  return /certificates .*\n/.exec(news())?.[0] ?? ''
}

test.each([['1'], ['2']])(
  'SIGHUP shows new connections the new certificate, and a wrong one changes nothing: --workers %s',
  async (workers) => {
    const folder = mkdtempSync(join(tmpdir(), 'trace-reload-'))
    const tlsCert = join(folder, 'cert.pem')
    const tlsKey = join(folder, 'key.pem')
    const put = (name: string) => {
      copyFileSync(tlsFile(`${name}.pem`), tlsCert)
      copyFileSync(tlsFile(`${name}.key`), tlsKey)
    }
    put('server')
    const server = await streamServer()
    const recorder = await startRecorder(server.port, { tlsCert, tlsKey, workers })
    cleanUps.push(() => rmSync(folder, { recursive: true }), server.close)
    cleanUps.push(recorder.remove, recorder.stop)
    const { port } = recorder
    const old = await tlsClient(port)
    expect(old.name).toBe('server')

    put('other')
    expect(await nameShown(port)).toBe('server')
    expect(await hangUp(recorder)).toBe('certificates read again\n')
    // The other thread hears of it a moment later.
    while ((await nameShown(port)) !== 'other') await wait(10)
    expect(await complete(old.socket, 1)).toBe(STREAM)

    // A key that belongs to another certificate, then what is no certificate, then nothing at all.
    copyFileSync(tlsFile('server.key'), tlsKey)
    expect(await hangUp(recorder)).toBe(
      'certificates stay as they were: --tls-cert and --tls-key: not a certificate and key that fit\n',
    )
    writeFileSync(tlsCert, 'no certificate')
    expect(await hangUp(recorder)).toMatch(/^certificates stay as they were: --tls-cert and /)
    rmSync(tlsCert)
    expect(await hangUp(recorder)).toMatch(/^certificates stay as they were: .*--tls-cert/)
    const shown = await Promise.all(Array.from({ length: 8 }, async () => nameShown(port)))
    expect(new Set(shown)).toEqual(new Set(['other']))

    put('server')
    expect(await hangUp(recorder)).toBe('certificates read again\n')
    while ((await nameShown(port)) !== 'server') await wait(10)
    expect(await complete((await tlsClient(port)).socket, 2)).toBe(STREAM)
    old.socket.destroy()
    await recorder.stop()
    expect((await rowsOf(recorder.directory)).map(({ maxTokens }) => maxTokens)).toEqual([1, 2])
  },
)
