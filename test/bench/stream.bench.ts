/** What reading one streamed event costs, and hashing one block: `npm run bench stream`. */
import { AnswerReader } from '../../src/stream/answer-reader.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { chainKey, extendChain, rootId, startChain } from '../../src/stream/prefix-chain.ts'
import { SseSplitter } from '../../src/stream/sse-splitter.ts'

const EVENTS = 20_000
const ROUNDS = 7

const event = (index: number) =>
  `data: {"id":"chatcmpl-9ff2a50b7004149d","object":"chat.completion.chunk","created":1795310139,` +
  `"model":"tiny","choices":[{"index":0,"delta":{"content":" word${index}"},"logprobs":null,` +
  `"finish_reason":null,"token_ids":null}]}\n\n`

const events = Array.from({ length: EVENTS }, (_, index) => Buffer.from(event(index)))
const chunks = events.map((bytes) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]),
)
const head = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
    'transfer-encoding: chunked\r\n\r\n',
)

/** Median over rounds, µs of CPU per step; the first rounds warm up. */
function measure(name: string, steps: number, run: () => void): Readonly<Record<string, number>> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / steps)
  }
  times.sort((a, b) => a - b)
  return { [name]: Number((times[Math.floor(ROUNDS / 2)] ?? 0).toFixed(3)) }
}

function readAll(): AnswerReader {
  const reader = new AnswerReader({ maxStreamBytes: 1e9 })
  reader.push(head, 0, head.length, 0)
  chunks.forEach((bytes, index) => reader.push(bytes, 0, bytes.length, index))
  return reader
}

const capture = readAll().end('hangup', EVENTS)
if (capture === null) throw new Error('no capture')
const key = chainKey(Buffer.alloc(32, 1))
const root = rootId(key, { family: 'raw', model: 'm', adapter: null, cacheSalt: null })
const prompt = Buffer.alloc(8_000_000, 'some text ')

const results = {
  ...measure('splitUsPerEvent', EVENTS, () => {
    const splitter = new SseSplitter({ maxStreamBytes: 1e9 })
    events.forEach((bytes, index) => splitter.push(bytes, 0, bytes.length, index))
  }),
  ...measure('readUsPerEvent', EVENTS, () => void readAll()),
  ...measure('interpretUsPerEvent', EVENTS, () => {
    interpret(capture, { endpoint: 'chat', isStream: true, keepAnswer: false })
  }),
  ...measure('hashUsPerBlock', prompt.length / 256, () => {
    extendChain(key, startChain(root), prompt)
  }),
}
process.stdout.write(`${JSON.stringify({ bytesPerEvent: events[0]?.length, ...results })}\n`)
