/**
 * A server that answers every request at once with a few bytes and keeps the connection: it costs
 * almost nothing, so that what is measured is the client.
 *
 * As a process: `node sink-server.ts PORT`.
 */
import { createServer } from 'node:net'

const BODY =
  '{"object":"list","data":[{"id":"sink","max_model_len":1000000}],"choices":[{"index":0,"text":"a","finish_reason":"length"}],' +
  '"usage":{"prompt_tokens":1,"completion_tokens":1}}'
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
)
const LENGTH = /content-length: (\d+)/i

createServer({ noDelay: true }, (socket) => {
  const state = { text: '' }
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes) => {
    state.text += bytes.toString('latin1')
    for (;;) {
      const bodyAt = state.text.indexOf('\r\n\r\n') + 4
      const length = Number(LENGTH.exec(state.text.slice(0, bodyAt))?.[1] ?? 0)
      if (bodyAt < 4 || state.text.length < bodyAt + length) return
      state.text = state.text.slice(bodyAt + length)
      socket.write(ANSWER)
    }
  })
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 }, () =>
  process.stdout.write('ready\n'),
)
