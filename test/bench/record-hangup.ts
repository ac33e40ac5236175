/** How long a hang-up takes to reach the server: µs from the client's close to the server's sight of it. */
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { systemClock } from '../../src/base/clock.ts'

const ROUNDS = 100
export const TLS_FOLDER = new URL('../../fixtures/tls/', import.meta.url).pathname
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n'

/** What a client has when it leaves. */
export const MOMENTS = {
  'stream, before its first token': { isStream: true, answer: '' },
  'stream, after its first token': {
    isStream: true,
    answer: `${HEAD}data: {"choices":[{"index":0,"text":"a"}]}\n\n`,
  },
  'one piece, before it comes': { isStream: false, answer: '' },
} as const

export type Moment = keyof typeof MOMENTS

/** Answers each request with what its moment says and no more; tells when each connection ends. */
export async function hangupServer(port: number) {
  const state = { answer: '', onAsked: () => undefined as void, onGone: () => undefined as void }
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString('latin1', 0, 4) !== 'POST') {
        socket.destroy()
        return
      }
      if (state.answer !== '') socket.write(state.answer)
      state.onAsked()
      socket.once('end', () => state.onGone())
      socket.once('error', () => state.onGone())
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = async (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { state, port: (server.address() as AddressInfo).port, close }
}

/** @returns µs of each round */
export async function hangUps(
  { state }: Awaited<ReturnType<typeof hangupServer>>,
  moment: Moment,
  port: number,
  isTls: boolean,
): Promise<number[]> {
  const { isStream, answer } = MOMENTS[moment]
  const ca = readFileSync(`${TLS_FOLDER}authority.pem`, 'utf8')
  const request = JSON.stringify({ model: 'm', prompt: 'p', stream: isStream })
  const takenUs: number[] = []
  state.answer = answer
  for (let round = 0; round < ROUNDS; round += 1) {
    const to = { port, host: '127.0.0.1' }
    const socket: Socket = isTls
      ? connectTls({ ...to, ca, servername: 'model.internal' })
      : connect({ ...to, noDelay: true })
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once(isTls ? 'secureConnect' : 'connect', resolve))
    const asked = new Promise<void>((resolve) => (state.onAsked = resolve))
    const answered = new Promise((resolve) => socket.once('data', resolve))
    const gone = new Promise<void>((resolve) => (state.onGone = resolve))
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: h\r\ncontent-length: ${request.length}\r\n\r\n${request}`,
    )
    await asked
    if (answer !== '') await answered
    const leftUs = systemClock.nowUs()
    socket.destroy()
    await gone
    takenUs.push(systemClock.nowUs() - leftUs)
  }
  return takenUs
}
