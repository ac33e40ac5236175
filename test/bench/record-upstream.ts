/**
 * A server for the recorder's benchmark, in a process of its own: raw sockets, each chunk stamped with
 * the moment of its write. `node record-upstream.ts PORT`.
 *
 * A request says what it wants in its path's query: chunks, everyUs, lockstep. Without chunks the
 * answer is one small JSON body.
 */
import { createServer, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'

const port = Number(process.argv[2])
const EVENT =
  'data: {"id":"cmpl-0000000000000000","object":"text_completion","created":1795310139,"model":"m",' +
  '"choices":[{"index":0,"text":" word","logprobs":null,"finish_reason":null,"stop_reason":null}],"at":'
const USAGE = '{"prompt_tokens":12,"total_tokens":20,"completion_tokens":8}'
const BODY = `{"id":"cmpl-1","model":"m","choices":[{"index":0,"text":"ok","finish_reason":"stop"}],"usage":${USAGE}}`
const SMALL = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
)
const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
  'transfer-encoding: chunked\r\n\r\n'
const END = `e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n`

function event(): string {
  const text = `${EVENT}${systemClock.nowUs()}}\n\n`
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** All streams that write at the same instant. */
const lockstep = new Set<() => void>()

createServer({ noDelay: true }, (socket) => {
  let wantedBytes = 0
  let seenBytes = 0
  let head = ''
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    if (wantedBytes === 0) {
      head += bytes.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      wantedBytes = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      seenBytes = head.length
    } else {
      seenBytes += bytes.length
    }
    while (wantedBytes > 0 && seenBytes >= wantedBytes) {
      const target = /^\S+ (\S+)/.exec(head)?.[1] ?? '/'
      const rest = head.slice(wantedBytes)
      head = ''
      wantedBytes = 0
      answer(socket, new URL(target, 'http://h').searchParams)
      if (rest.length > 0) {
        head = rest
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) break
        wantedBytes = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        seenBytes = head.length
      }
    }
  })
}).listen(port, '127.0.0.1', 4_096)

function answer(socket: Socket, wanted: URLSearchParams): void {
  const chunks = Number(wanted.get('chunks') ?? 0)
  if (chunks === 0) return void socket.write(SMALL)
  const everyMs = Number(wanted.get('everyMs') ?? 20)
  let left = chunks
  socket.write(HEAD)
  const step = () => {
    socket.write(event())
    left -= 1
    if (left > 0 && !socket.destroyed) return
    lockstep.delete(step)
    clearInterval(timer)
    socket.write(END)
  }
  let timer: NodeJS.Timeout | undefined
  if (wanted.get('lockstep') === '1') lockstep.add(step)
  else timer = setInterval(step, everyMs)
}

setInterval(() => {
  for (const step of lockstep) step()
}, 20)
process.on('disconnect', () => process.exit())
process.send?.('ready')
