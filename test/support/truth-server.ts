/**
 * A server on raw sockets that writes down what it really did: when each request came and when each
 * of its tokens left. Steps are absolute, so that it does not drift; it polls before each.
 *
 * As a process: `node truth-server.ts PORT TTFT_US GAP_US LOG`; it writes LOG and ends on SIGTERM.
 */
import { writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'

export type TruthOptions = Readonly<{ ttftUs: number; gapUs: number }>

/** One line of the log: absolute µs on the clock that all processes of a machine share. */
export type Truth = Readonly<{ id: string; receivedAtUs: number; wroteAtUs: number[] }>

const TAIL_US = 2_000
const WORDS = [' the', ' of', 's', ' replay', ',', ' measured', ' a', ' it', ' requests', '.']
const TOKENS = WORDS.map((word) =>
  chunk(
    'data: {"id":"cmpl-8f2c1d7e9a3b4c5d","object":"text_completion","created":1795316425,"model":"truth",' +
      `"choices":[{"index":0,"text":"${word}","logprobs":null,"finish_reason":null,"stop_reason":null}]}\n\n`,
  ),
)
const HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\nserver: truth\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
    'connection: close\r\ntransfer-encoding: chunked\r\n\r\n',
)

type Stream = {
  socket: Socket
  truth: Truth
  tokens: number
  promptTokens: number
  nextAtUs: number
  left: number
}

export class TruthServer {
  readonly log: Truth[] = []
  readonly #options: TruthOptions
  readonly #server: Server
  /** Streams that wait for their first token, and those under way: each in the order of their steps. */
  readonly #waiting: Stream[] = []
  readonly #running: Stream[] = []
  #isPolling = false

  constructor(options: TruthOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) =>
      this.#server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve),
    )
  }

  close(): void {
    this.#server.close()
  }

  #accept(socket: Socket): void {
    const parts: Buffer[] = []
    let receivedAtUs = 0
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      if (parts.length === 0) receivedAtUs = systemClock.nowUs()
      parts.push(bytes)
      const text =
        parts.length === 1 ? bytes.toString('latin1') : Buffer.concat(parts).toString('latin1')
      const bodyAt = text.indexOf('\r\n\r\n') + 4
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (bodyAt < 4 || text.length < bodyAt + length) return
      parts.length = 0
      this.#serve(socket, text.slice(0, bodyAt), text.slice(bodyAt), receivedAtUs)
    })
  }

  #serve(socket: Socket, head: string, body: string, receivedAtUs: number): void {
    if (head.startsWith('POST') && body.includes('"stream":true')) {
      const tokens = Number(/"max_tokens":(\d+)/.exec(body)?.[1] ?? 1)
      const truth = { id: /x-request-id: (\S+)/.exec(head)?.[1] ?? '', receivedAtUs, wroteAtUs: [] }
      this.log.push(truth)
      socket.write(HEAD)
      const nextAtUs = receivedAtUs + this.#options.ttftUs
      const promptTokens = (body.match(/,/g) ?? []).length
      this.#waiting.push({ socket, truth, tokens, promptTokens, nextAtUs, left: tokens })
      this.#arm()
      return
    }
    const answer = answerTo(head)
    socket.write(
      `HTTP/1.1 ${answer === null ? '404 Not Found' : '200 OK'}\r\ncontent-type: application/json\r\n` +
        `content-length: ${(answer ?? '{}').length}\r\n\r\n${answer ?? '{}'}`,
    )
  }

  #arm(): void {
    if (this.#isPolling) return
    const nextAtUs = Math.min(
      this.#waiting[0]?.nextAtUs ?? Infinity,
      this.#running[0]?.nextAtUs ?? Infinity,
    )
    if (nextAtUs === Infinity) return
    this.#isPolling = true
    const coarseMs = Math.floor((nextAtUs - systemClock.nowUs() - TAIL_US) / 1000)
    if (coarseMs > 0) setTimeout(this.#poll, coarseMs)
    else setImmediate(this.#poll)
  }

  readonly #poll = (): void => {
    const nowUs = systemClock.nowUs()
    this.#step(this.#waiting, nowUs)
    this.#step(this.#running, nowUs)
    this.#isPolling = false
    this.#arm()
  }

  /** All gaps are equal, so that the order of steps is the order of arrival. */
  #step(streams: Stream[], nowUs: number): void {
    let count = 0
    while (count < streams.length && streams[count]!.nextAtUs <= nowUs) {
      const stream = streams[count++]!
      if (stream.socket.destroyed) continue
      stream.truth.wroteAtUs.push(systemClock.nowUs())
      stream.left -= 1
      stream.nextAtUs += this.#options.gapUs
      if (stream.left > 0) {
        stream.socket.write(TOKENS[stream.left % TOKENS.length]!)
        this.#running.push(stream)
      } else {
        const { promptTokens, tokens } = stream
        stream.socket.end(lastChunks(promptTokens, tokens))
      }
    }
    streams.splice(0, count)
  }
}

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

function lastChunks(promptTokens: number, tokens: number): Buffer {
  const usage = JSON.stringify({
    id: 'cmpl-8f2c1d7e9a3b4c5d',
    object: 'text_completion',
    choices: [],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens,
    },
  })
  // The last token's event carries the reason, as vLLM's does.
  const finish = TOKENS[0]!.toString().replace('"finish_reason":null', '"finish_reason":"length"')
  const text = finish.slice(finish.indexOf('data'), finish.lastIndexOf('}') + 1)
  return Buffer.concat([
    chunk(`${text}\n\n`),
    chunk(`data: ${usage}\n\n`),
    chunk('data: [DONE]\n\n'),
    Buffer.from('0\r\n\r\n'),
  ])
}

function answerTo(head: string): string | null {
  if (head.startsWith('GET /v1/models')) {
    return '{"object":"list","data":[{"id":"truth","object":"model","owned_by":"truth","max_model_len":131072}]}'
  }
  return head.startsWith('POST') ? '{"choices":[]}' : null
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [port, ttftUs, gapUs, log = ''] = process.argv.slice(2)
  const server = new TruthServer({ ttftUs: Number(ttftUs), gapUs: Number(gapUs) })
  await server.listen(Number(port))
  process.stdout.write('ready\n')
  process.on('SIGTERM', () => {
    writeFileSync(log, JSON.stringify(server.log))
    process.exit(0)
  })
}
