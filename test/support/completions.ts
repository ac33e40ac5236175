/** Requests and answers of /v1/completions as raw bytes, and a server that gives them. */
import type { Socket } from 'node:net'
import { wireClient, wireServer, type WireServer } from './wire.ts'

/** @param maxTokens also the mark by which a test knows its row again */
export function completionRequest(maxTokens: number, isStream = true): string {
  const body = JSON.stringify({ model: 'm', prompt: 'p', max_tokens: maxTokens, stream: isStream })
  return (
    'POST /v1/completions HTTP/1.1\r\nHost: h\r\ncontent-type: application/json\r\n' +
    `content-length: ${body.length}\r\n\r\n${body}`
  )
}

export const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
  'transfer-encoding: chunked\r\n\r\n'

export const STREAM_END = `${chunk('data: [DONE]\n\n')}0\r\n\r\n`

export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

export function token(text: string, finish: string | null = null): string {
  const choice = { index: 0, text, finish_reason: finish }
  return chunk(`data: ${JSON.stringify({ id: 'cmpl-1', model: 'm', choices: [choice] })}\n\n`)
}

/** A whole streamed answer of three tokens. */
export const STREAM = STREAM_HEAD + token('a') + token('b') + token('c', 'stop') + STREAM_END

/** Answers every request on a connection with `STREAM`, after a while. */
export async function streamServer(afterMs = 0): Promise<WireServer> {
  return wireServer((socket: Socket) => {
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
        text = text.slice(end + 1)
        if (afterMs === 0) socket.write(STREAM)
        else setTimeout(() => socket.write(STREAM), afterMs)
      }
    })
    socket.on('end', () => socket.end())
  })
}

/** One request on a connection of its own, until its answer is whole. */
export async function complete(
  connect: (port: number) => Promise<Socket>,
  port: number,
  maxTokens: number,
): Promise<string> {
  const socket = await connect(port)
  const answer = new Promise<string>((resolve, reject) => {
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.endsWith('0\r\n\r\n')) resolve(text)
    })
    socket.on('error', reject)
    socket.on('end', () => resolve(text))
    socket.on('close', () => resolve(text))
  })
  socket.write(completionRequest(maxTokens))
  const text = await answer
  socket.destroy()
  return text
}

/** Whole answers, and what came instead of others. */
export type Asked = Readonly<{ served: number; failures: readonly string[] }>

/** So many clients that ask over and over until they are stopped, each time on a new connection. */
export function askOverAndOver(clients: number, port: number) {
  const failures: string[] = []
  const run = { served: 0, isDone: false }
  const client = async () => {
    while (!run.isDone) {
      try {
        const answer = await complete(wireClient, port, run.served + 1)
        if (answer === STREAM) run.served += 1
        else failures.push(`${answer.length} bytes`)
      } catch (error) {
        failures.push(String(error))
      }
    }
  }
  const all = Promise.all(Array.from({ length: clients }, client))
  return async (): Promise<Asked> => {
    run.isDone = true
    await all
    return { served: run.served, failures }
  }
}
