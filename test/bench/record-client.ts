/** The clients of the recorder's benchmark: raw sockets that read stamps and count. */
import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'

export type StreamLoad = Readonly<{
  streams: number
  /** Events of one answer, 20 ms apart. */
  chunks: number
  /** Answers that each stream asks for, one after the other on its connection. */
  answers: number
  isLockstep: boolean
}>

export type StreamFigures = {
  /** Of each event, arrival minus the stamp of its write; while all streams ran. */
  delaysUs: number[]
  /** Of each answer, the way of its request and the way of its first event together. */
  firstUs: number[]
  /** The same for the first answer of a connection. */
  firstOfNewUs: number[]
  chunks: number
  bad: number
}

/** Requests that were answered to their end, by port. */
export const answeredBy = new Map<number, number>()

function count(port: number, requests: number): void {
  answeredBy.set(port, (answeredBy.get(port) ?? 0) + requests)
}

const nowUs = () => systemClock.nowUs()
const EVERY_MS = 20

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

/** Keeps so many streams open at once, their beginnings spread evenly. */
export async function runStreams(port: number, load: StreamLoad): Promise<StreamFigures> {
  const { streams, chunks, answers, isLockstep } = load
  const figures: StreamFigures = { delaysUs: [], firstUs: [], firstOfNewUs: [], chunks: 0, bad: 0 }
  const target = `/v1/completions?chunks=${chunks}${isLockstep ? '&lockstep=1' : ''}`
  const request = post(target, PROMPT)
  const answerMs = chunks * EVERY_MS
  const startUs = nowUs()
  const steady = { fromUs: startUs + answerMs * 1_000, toUs: startUs + answerMs * answers * 1_000 }
  const slots = Array.from({ length: streams }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, (index * answerMs) / streams))
    const socket = await open(port)
    for (let turn = 0; turn < answers; turn += 1) {
      const into = turn === 0 ? figures.firstOfNewUs : figures.firstUs
      const seen = await follow(socket, request, figures.delaysUs, into, steady)
      figures.chunks += seen
      if (seen !== chunks) figures.bad += 1
    }
    socket.destroy()
  })
  await Promise.all(slots)
  count(port, streams * answers)
  return figures
}

const STAMPS = /got (\d+) at (\d+) /g

/** Asks once. @returns events seen until the answer's end or the connection's */
async function follow(
  socket: Socket,
  request: Buffer,
  delaysUs: number[],
  firstUs: number[],
  steady: Readonly<{ fromUs: number; toUs: number }>,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let seen = 0
  let tail = ''
  const onData = (bytes: Buffer): void => {
    const atUs = nowUs()
    const text = tail + bytes.toString('latin1')
    let end = 0
    for (const found of text.matchAll(STAMPS)) {
      end = found.index + found[0].length
      seen += 1
      const wayUs = atUs - Number(found[2])
      if (seen === 1) firstUs.push(Number(found[1]) - sentUs + wayUs)
      if (atUs >= steady.fromUs && atUs < steady.toUs) delaysUs.push(wayUs)
    }
    tail = text.slice(end)
    if (text.endsWith('0\r\n\r\n')) resolve(seen)
  }
  const onClose = (): void => resolve(-1)
  socket.on('data', onData)
  socket.on('error', onClose)
  socket.on('close', onClose)
  const sentUs = nowUs()
  socket.write(request)
  const events = await promise
  socket.off('data', onData)
  socket.off('error', onClose)
  socket.off('close', onClose)
  return events
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
          socket.on('data', (bytes: Buffer) => {
            // The answer's last two bytes; a piece before them ends otherwise.
            if (bytes.at(-1) !== 125 || bytes.at(-2) !== 125) return
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

/** Opens connections one after the other, one request each. @returns µs of each, dial included */
export async function runConnections(port: number, total: number): Promise<number[]> {
  const request = post('/v1/completions', PROMPT.replace('true', 'false'))
  const tookUs: number[] = []
  for (let index = 0; index < total; index += 1) {
    const atUs = nowUs()
    const socket = await open(port)
    const answered = new Promise<void>((resolve) => void socket.once('data', () => resolve()))
    socket.write(request)
    await answered
    tookUs.push(nowUs() - atUs)
    socket.destroy()
  }
  count(port, total)
  return tookUs
}
