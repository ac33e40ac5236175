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
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
/** Bytes of UTF-8, one character each. */
const TOKEN = Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"é"}}]}\n\n').toString(
  'latin1',
)
const USAGE = 'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
const DONE = 'data: [DONE]\n\n'
const END = '0\r\nx-trailer: 1\r\n\r\n'

/** Feeds bytes in pieces of the given sizes, again and again. @param text one character a byte */
function feed(take: (bytes: Buffer) => Buffer, text: string, sizes: readonly number[]): string {
  const bytes = Buffer.from(text, 'latin1')
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
  return Buffer.concat(out).toString('latin1')
}

/** What the client hears of it. @param text one character a byte */
const heard = (asker: UsageAsker, text: string) =>
  asker.fromUpstream(Buffer.from(text, 'latin1')).toString('latin1')

const sizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 })

/** What each side says, and what the other should hear. */
type Passed = Readonly<{ request: string; asked: string; answer: string; told: string }>

const EVENTS = [
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  TOKEN,
  ': keep-alive\n\n',
  'data: {"choices":[{"delta":{"content":"\\"usage\\":{"}}]}\n\n',
]

/** An event stream in chunks that end anywhere, with the usage event or without it. */
const stream = fc
  .record({
    events: fc.array(fc.constantFrom(...EVENTS), { maxLength: 6 }),
    lineEnd: fc.constantFrom('\n', '\r\n'),
    cuts: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
    trailer: fc.constantFrom('', 'x-sum: 1\r\n'),
  })
  .map(({ events, lineEnd, cuts, trailer }) => (hasUsage: boolean) => {
    const all = [...events, ...(hasUsage ? [USAGE] : []), DONE]
    const bytes = Buffer.from(all.join('').replaceAll('\n', lineEnd), 'latin1')
    const chunks: string[] = []
    for (let at = 0; at < bytes.length;) {
      const to = at + (cuts[chunks.length % cuts.length] ?? 1)
      const part = bytes.subarray(at, to)
      chunks.push(`${part.length.toString(16)};x=y\r\n${part.toString('latin1')}\r\n`)
      at = to
    }
    // Kept as one character a byte: the pieces end inside characters, too.
    return `${STREAM_HEAD}${chunks.join('')}0\r\n${trailer}\r\n`
  })

const exchange: fc.Arbitrary<Passed> = fc.oneof(
  stream.map((answer) => {
    const body = { model: 'm', stream: true, user: 'u' }
    const asked = post({ ...body, stream_options: { include_usage: true } })
    return { request: post(body), asked, answer: answer(true), told: answer(false) }
  }),
  fc
    .record({
      request: fc.constantFrom(
        post({ stream: true, stream_options: { include_usage: true } }),
        post({
          stream: true,
          stream_options: { include_usage: true, continuous_usage_stats: true },
        }),
        post({ stream: false }),
        post({ stream: true }, '/v1/responses'),
        'GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n',
        'POST /v1/completions HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}',
      ),
      answer: fc.oneof(
        stream.map((make) => make(true)),
        fc.constantFrom(
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
          'HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\n{"a":1}',
          'HTTP/1.1 204 No Content\r\n\r\n',
        ),
      ),
    })
    .map(({ request, answer }) => ({ request, asked: request, answer, told: answer })),
)

/** Heads as they are and bodies without chunks: those may change where an event lay across them. */
function bodiesOf(text: string): string[] {
  const out: string[] = []
  let at = 0
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at) + 4
    const head = text.slice(at, end)
    at = end + Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0)
    let body = text.slice(end, at)
    let isOpen = head.includes('chunked')
    while (isOpen) {
      const line = text.indexOf('\r\n', at)
      const size = Number.parseInt(text.slice(at, line), 16)
      body += text.slice(line + 2, line + 2 + size)
      at = line + 2 + size + 2
      isOpen = size > 0
      // The end has trailers, or a blank line, in the place of bytes.
      if (!isOpen) at = text.indexOf('\r\n', line) + 2
    }
    if (head.includes('chunked')) {
      const trailers = /^(?:x-sum: 1\r\n)?\r\n/.exec(text.slice(at))?.[0] ?? 'broken'
      body += trailers
      at += trailers.length
    }
    out.push(head, body)
  }
  return out
}

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
    const told = heard(asker, STREAM_HEAD + split + END)
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

  test('a body keeps its bytes, also those that are no UTF-8 and what follows its end', () => {
    const body = Buffer.concat([
      Buffer.from('{"stream":true,"user":"'),
      Buffer.from([0xff, 0xc3, 0x28]),
      Buffer.from('"}\r\n '),
    ])
    const head = (length: number) =>
      Buffer.from(`POST /v1/completions HTTP/1.1\r\nContent-Length:\t${length}\r\n\r\n`)
    const added = Buffer.from(',"stream_options":{"include_usage":true}')
    const asked = [body.subarray(0, -4), added, body.subarray(-4)]
    const told = new UsageAsker().fromClient(Buffer.concat([head(body.length), body]))
    expect(told).toEqual(Buffer.concat([head(body.length + added.length), ...asked]))
  })

  test('a client that leaves, or a server that ends, in the middle gets all through that was said', () => {
    const asker = new UsageAsker()
    const request = post({ stream: true })
    const half = asker.fromClient(Buffer.from(request.slice(0, -3))).toString()
    expect(half + asker.clientEnded().toString()).toBe(request.slice(0, -3))

    const other = new UsageAsker()
    other.fromClient(Buffer.from(request))
    const cut = STREAM_HEAD + chunk(TOKEN) + chunk('data: {"choi') + '20\r\nces"'
    const told = heard(other, cut) + other.upstreamEnded().toString('latin1')
    expect(told).toBe(cut)
  })

  test.each([
    [
      'two lengths',
      'POST /v1/completions HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{',
    ],
    ['a space before the colon', 'POST /v1/completions HTTP/1.1\r\nContent-Length : 2\r\n\r\n{'],
    ['lines that end with a line feed', 'GET /health HTTP/1.1\nHost: h\n\n'],
    ['a tunnel', 'CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\nhello'],
    ['another protocol', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x05hello'],
    [
      'a body that waits for a word',
      'POST /v1/completions HTTP/1.1\r\nExpect: 100-continue\r\n\r\n',
    ],
  ])('%s: nothing is held', (_name, text) => {
    const bytes = Buffer.from(text, 'latin1')
    expect(new UsageAsker().fromClient(bytes)).toEqual(bytes)
  })

  test('events pass as they come, however their lines end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const asker = new UsageAsker()
      asker.fromClient(Buffer.from(post({ stream: true })))
      const through = (text: string) => heard(asker, text)
      const framed = (event: string) => chunk(event.replaceAll('\n', end))
      expect(through(STREAM_HEAD)).toBe(STREAM_HEAD)
      for (let turn = 0; turn < 3; turn += 1) {
        expect(through(framed(TOKEN))).toBe(framed(TOKEN))
        expect(through(framed(': keep-alive\n\n'))).toBe(framed(': keep-alive\n\n'))
      }
      expect(through(framed(USAGE))).toBe('')
      expect(through(framed(DONE) + END)).toBe(framed(DONE) + END)
    }
  })

  test('the bytes of a packed stream are not looked at, nor held', () => {
    const asker = new UsageAsker()
    asker.fromClient(Buffer.from(post({ stream: true })))
    const head = STREAM_HEAD.replace('\r\n\r\n', '\r\ncontent-encoding: gzip\r\n\r\n')
    expect(heard(asker, head)).toBe(head)
    expect(heard(asker, chunk('\x1f\x8bxy'))).toBe(chunk('\x1f\x8bxy'))
  })

  test('a server that counts in every event unasked would have sent the last count, too', () => {
    const counted = TOKEN.replace('}]}', '}],"usage":{"prompt_tokens":3,"completion_tokens":1}}')
    const answer = STREAM_HEAD + chunk(counted) + chunk(USAGE) + chunk(DONE) + END
    const asker = new UsageAsker()
    asker.fromClient(Buffer.from(post({ stream: true })))
    expect(heard(asker, answer)).toBe(answer)
  })

  test('the fingerprint that the usage event took over goes back to the event before it', () => {
    // As vLLM 0.32 answers, asked for usage and not.
    const last = (more: string) =>
      `data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"length"}]${more}}\n\n`
    const mark = ',"system_fingerprint":"vllm-0.32.0-4fdd7160"'
    const usage = USAGE.replace('}}', `}${mark}}`)
    for (const end of ['\n', '\r\n']) {
      const laid = (events: readonly string[]) =>
        STREAM_HEAD + events.map((event) => chunk(event.replaceAll('\n', end))).join('') + END
      fc.assert(
        fc.property(sizes, (down) => {
          const asker = new UsageAsker()
          asker.fromClient(Buffer.from(post({ stream: true })))
          const answer = laid([TOKEN, last(''), usage, DONE])
          const told = feed((bytes) => asker.fromUpstream(bytes), answer, down)
          expect(told).toBe(laid([TOKEN, last(mark), DONE]))
        }),
        { numRuns: 40 },
      )
    }
  })

  test('a stream that only the end of its connection ends is one all the same', () => {
    fc.assert(
      fc.property(sizes, (down) => {
        const asker = new UsageAsker()
        asker.fromClient(Buffer.from(post({ stream: true })))
        const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n'
        const long = `data: {"x":"${'y'.repeat(20_000)}"}\n\n`
        const text = head + TOKEN + long + USAGE + DONE + 'data: half'
        const told = feed((bytes) => asker.fromUpstream(bytes), text, down)
        expect(told + asker.upstreamEnded().toString('latin1')).toBe(text.replace(USAGE, ''))
      }),
      { numRuns: 30 },
    )
  })

  test('a request of many megabytes is joined once', () => {
    const text = post({ stream: false, messages: 'm'.repeat(15_000_000) })
    const asker = new UsageAsker()
    expect(feed((bytes) => asker.fromClient(bytes), text, [65_536])).toBe(text)
  })

  test('exchanges of any kind, one behind the other, pass but for the events that were asked for', () => {
    fc.assert(
      fc.property(
        fc.array(exchange, { minLength: 1, maxLength: 6 }),
        sizes,
        sizes,
        (all, up, down) => {
          const asker = new UsageAsker()
          const joined = (name: keyof Passed) => all.map((one) => one[name]).join('')
          expect(feed((bytes) => asker.fromClient(bytes), joined('request'), up)).toBe(
            joined('asked'),
          )
          const told = feed((bytes) => asker.fromUpstream(bytes), joined('answer'), down)
          expect(bodiesOf(told)).toEqual(bodiesOf(joined('told')))
        },
      ),
      { numRuns: 300 },
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
    const told = heard(asker, STREAM_HEAD + chunk(event) + END)
    expect(told).toBe(STREAM_HEAD + END)
  })
})
