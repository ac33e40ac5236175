import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageAsker } from '../../src/record/usage-asker.ts'

const post = (value: unknown, path = '/v1/chat/completions') => {
  const body = JSON.stringify(value)
  return `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n'
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const TOKEN = 'data: {"choices":[{"index":0,"delta":{"content":"é"}}]}\n\n'
const USAGE = 'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
const DONE = 'data: [DONE]\n\n'
const END = '0\r\nx-trailer: 1\r\n\r\n'

/** Feeds bytes in pieces of the given sizes, again and again. */
function feed(take: (bytes: Buffer) => Buffer, text: string, sizes: readonly number[]): string {
  const bytes = Buffer.from(text)
  const out: Buffer[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const to = at + (sizes[turn % sizes.length] ?? 1)
    const piece = Buffer.from(bytes.subarray(at, to))
    out.push(Buffer.from(take(piece)))
    // The relay's buffers are reused at once.
    piece.fill(0)
    at = to
  }
  return Buffer.concat(out).toString()
}

const sizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 })

describe('asking for usage on behalf of clients', () => {
  test('a stream without stream_options asks, and its usage event is taken out again', () => {
    fc.assert(
      fc.property(sizes, sizes, (up, down) => {
        const asker = new UsageAsker()
        const body = { model: 'm', messages: [], stream: true }
        const sent = feed((bytes) => asker.fromClient(bytes), post(body) + post(body), up)
        const asked = post({ ...body, stream_options: { include_usage: true } })
        expect(sent).toBe(asked + asked)
        const answer = STREAM_HEAD + chunk(TOKEN) + chunk(USAGE) + chunk(DONE) + END
        const plain = STREAM_HEAD + chunk(TOKEN) + chunk(DONE) + END
        const told = feed((bytes) => asker.fromUpstream(bytes), answer + answer, down)
        expect(told).toBe(plain + plain)
      }),
    )
  })

  test('an event that lies across chunks, or beside another, is found all the same', () => {
    const asker = new UsageAsker()
    asker.fromClient(Buffer.from(post({ stream: true })))
    const split = chunk(TOKEN + USAGE.slice(0, 20)) + chunk(USAGE.slice(20) + DONE)
    const told = asker.fromUpstream(Buffer.from(STREAM_HEAD + split + END)).toString()
    expect(told).toBe(STREAM_HEAD + chunk(TOKEN) + chunk(DONE) + END)
  })

  test('whatever need not be asked, or cannot be followed, passes byte for byte', () => {
    const requests = [
      post({ stream: false }),
      post({ stream: true, stream_options: {} }),
      post({ stream: true, stream_options: { include_usage: true } }),
      post({ stream: true }, '/v1/responses'),
      post('no object'),
      'GET /health HTTP/1.1\r\nHost: h\r\n\r\n',
    ]
    const answers = [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      STREAM_HEAD + chunk(TOKEN) + chunk(USAGE) + chunk(DONE) + END,
      STREAM_HEAD + chunk(TOKEN) + chunk(USAGE) + END,
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\nuntil it closes',
    ]
    fc.assert(
      fc.property(sizes, sizes, (up, down) => {
        const asker = new UsageAsker()
        expect(feed((bytes) => asker.fromClient(bytes), requests.join(''), up)).toBe(
          requests.join(''),
        )
        expect(feed((bytes) => asker.fromUpstream(bytes), answers.join(''), down)).toBe(
          answers.join(''),
        )
      }),
    )
  })

  test('any bytes at all pass, none lost and none made up', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), sizes, (bytes, up) => {
        const text = `POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n`
        const all = Buffer.concat([Buffer.from(text), bytes])
        const asker = new UsageAsker()
        const out: Buffer[] = []
        for (let at = 0, turn = 0; at < all.length; turn += 1) {
          const to = at + (up[turn % up.length] ?? 1)
          out.push(Buffer.from(asker.fromClient(all.subarray(at, to))))
          at = to
        }
        expect(Buffer.concat(out).equals(all)).toBe(true)
      }),
    )
  })

  test('the usage event of a real server is known', () => {
    const captured = new URL('../../fixtures/usage-event.txt', import.meta.url)
    const event = readFileSync(captured, 'utf8')
    const asker = new UsageAsker()
    asker.fromClient(Buffer.from(post({ stream: true })))
    const told = asker.fromUpstream(Buffer.from(STREAM_HEAD + chunk(event) + END)).toString()
    expect(told).toBe(STREAM_HEAD + END)
  })
})
