/** The clients of the recorder's benchmark: raw sockets that read stamps and count. */
import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'

export type StreamFigures = { delaysUs: number[]; firstUs: number[]; chunks: number; bad: number }

/** Requests that were answered to their end, by port. */
export const answeredBy = new Map<number, number>()

function count(port: number, requests: number): void {
  answeredBy.set(port, (answeredBy.get(port) ?? 0) + requests)
}

const nowUs = () => systemClock.nowUs()

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

function post(target: string, body: string | Buffer): Buffer {
  const head =
    `POST ${target} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

const PROMPT = JSON.stringify({
  model: 'm',
  prompt: 'A prompt of some length, as people write them. '.repeat(20),
  max_tokens: 100,
  stream: true,
})

/** Runs streams at once; each chunk's way is its arrival minus the stamp of its write. */
export async function runStreams(
  port: number,
  streams: number,
  chunks: number,
  isLockstep: boolean,
): Promise<StreamFigures> {
  const figures: StreamFigures = { delaysUs: [], firstUs: [], chunks: 0, bad: 0 }
  const target = `/v1/completions?chunks=${chunks}${isLockstep ? '&lockstep=1' : ''}`
  const request = post(target, PROMPT)
  const sockets = await Promise.all(Array.from({ length: streams }, async () => open(port)))
  await Promise.all(
    sockets.map(
      async (socket, index) =>
        new Promise<void>((resolve) => {
          setTimeout(
            () => follow(socket, request, chunks, figures, resolve),
            isLockstep ? 0 : (index * 20) / streams,
          )
        }),
    ),
  )
  count(port, streams)
  return figures
}

function follow(
  socket: Socket,
  request: Buffer,
  chunks: number,
  figures: StreamFigures,
  done: () => void,
): void {
  const sentUs = nowUs()
  let seen = 0
  let tail = ''
  socket.on('data', (bytes: Buffer) => {
    const atUs = nowUs()
    const text = tail + bytes.toString('latin1')
    let end = 0
    for (const found of text.matchAll(/"at":(\d+)\}/g)) {
      end = found.index + found[0].length
      seen += 1
      if (seen === 1) figures.firstUs.push(atUs - sentUs)
      // The first chunks meet a cold path on both sides.
      if (seen > 5) figures.delaysUs.push(atUs - Number(found[1]))
    }
    tail = text.slice(end)
    if (!text.endsWith('0\r\n\r\n')) return
    figures.chunks += seen
    if (seen !== chunks) figures.bad += 1
    socket.destroy()
    done()
  })
  socket.on('error', () => {
    figures.bad += 1
    done()
  })
  socket.write(request)
}

/** Asks small things as fast as so many connections allow. @returns requests answered */
export async function runSmall(port: number, connections: number, forMs: number): Promise<number> {
  const request = post('/v1/completions', PROMPT.replace('true', 'false'))
  let answered = 0
  const endUs = nowUs() + forMs * 1_000
  const sockets = await Promise.all(Array.from({ length: connections }, async () => open(port)))
  await Promise.all(
    sockets.map(
      async (socket) =>
        new Promise<void>((resolve) => {
          let tail = ''
          socket.on('data', (bytes: Buffer) => {
            tail = (tail + bytes.toString('latin1')).slice(-8)
            if (!tail.endsWith('}}')) return
            answered += 1
            if (nowUs() < endUs) socket.write(request)
            else resolve(void socket.destroy())
          })
          socket.on('error', () => resolve())
          socket.write(request)
        }),
    ),
  )
  count(port, answered)
  return answered
}

/** Sends prompts of a size one after the other. @returns µs of each */
export async function runLarge(port: number, bytes: number, times: number): Promise<number[]> {
  const body = JSON.stringify({ model: 'm', prompt: 'word '.repeat(bytes / 5), max_tokens: 1 })
  const request = post('/v1/completions', body)
  const socket = await open(port)
  const tookUs: number[] = []
  for (let index = 0; index < times; index += 1) {
    const atUs = nowUs()
    const answered = new Promise<void>((resolve) => void socket.once('data', () => resolve()))
    socket.write(request)
    await answered
    tookUs.push(nowUs() - atUs)
    // What one large prompt costs, not how many a second: those are looked at aside, and later.
    await new Promise((resolve) => setTimeout(resolve, bytes / 10_000))
  }
  socket.destroy()
  count(port, times)
  return tookUs
}

/** Opens connections one after the other, one request each. */
export async function runConnections(port: number, total: number): Promise<void> {
  const request = post('/v1/completions', PROMPT.replace('true', 'false'))
  for (let index = 0; index < total; index += 1) {
    const socket = await open(port)
    const answered = new Promise<void>((resolve) => void socket.once('data', () => resolve()))
    socket.write(request)
    await answered
    socket.destroy()
  }
  count(port, total)
}
