/**
 * A server for the recorder's benchmark, in a process of its own: raw sockets, each event stamped with
 * the moment of its write and with the moment its request was whole. `node record-upstream.ts PORT`.
 *
 * A request says what it wants in its path's query: chunks, everyMs, lockstep. Without chunks the
 * answer is one small JSON body.
 */
import { createServer, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'

const port = Number(process.argv[2])
/** The text between the two is what changes from event to event, as in a real answer. */
const EVENT = [
  'data: {"id":"cmpl-0000000000000000","object":"text_completion","created":1795310139,"model":"m",' +
    '"choices":[{"index":0,"text":"',
  '","logprobs":null,"finish_reason":null,"stop_reason":null}]}\n\n',
] as const
const USAGE = '{"prompt_tokens":12,"total_tokens":20,"completion_tokens":8}'
const BODY = `{"id":"cmpl-1","model":"m","choices":[{"index":0,"text":"ok","finish_reason":"stop"}],"usage":${USAGE}}`
const SMALL = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
)
const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
  'transfer-encoding: chunked\r\n\r\n'
const END = `e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n`
const EVERY_MS = 20

/** All streams that write at the same instant. */
const lockstep = new Set<() => void>()

createServer({ noDelay: true }, (socket) => {
  let pending: Buffer = Buffer.alloc(0)
  /** Of a request's body, bytes still to come. */
  let missing = 0
  let target = ''
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    if (missing > bytes.length) {
      missing -= bytes.length
      return
    }
    if (missing > 0) {
      pending = bytes.subarray(missing)
      missing = 0
      answer(socket, target)
    } else {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    }
    for (;;) {
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = pending.toString('latin1', 0, end)
      target = head.slice(5, head.indexOf(' ', 5))
      const whole = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      missing = Math.max(0, whole - pending.length)
      pending = pending.subarray(whole)
      if (missing > 0) return
      answer(socket, target)
    }
  })
}).listen(port, '127.0.0.1', 4_096)

function answer(socket: Socket, target: string): void {
  const gotUs = systemClock.nowUs()
  if (!target.includes('?')) return void socket.write(SMALL)
  const wanted = new URL(target, 'http://h').searchParams
  let left = Number(wanted.get('chunks') ?? 1)
  socket.write(HEAD)
  const step = () => {
    const text = `${EVENT[0]}got ${gotUs} at ${systemClock.nowUs()} ${EVENT[1]}`
    socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
    left -= 1
    if (left > 0 && !socket.destroyed) return
    lockstep.delete(step)
    clearInterval(timer)
    socket.write(END)
  }
  let timer: NodeJS.Timeout | undefined
  if (wanted.get('lockstep') === '1') lockstep.add(step)
  else timer = setInterval(step, Number(wanted.get('everyMs') ?? EVERY_MS))
}

setInterval(() => {
  for (const step of lockstep) step()
}, EVERY_MS)
process.on('disconnect', () => process.exit())
process.send?.('ready')
