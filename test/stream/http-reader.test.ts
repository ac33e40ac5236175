/** The passive reader against node's own parser, any split of the bytes, and broken traffic. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  HttpReader,
  type HttpReaderOptions,
  type MessageHead,
} from '../../src/stream/http-reader.ts'
import { parseWithNode } from '../support/node-parser.ts'

type Seen = { heads: MessageHead[]; bodies: string[]; ends: number; stops: string[] }

function read(
  text: string | Buffer,
  options: HttpReaderOptions,
  cuts: readonly number[] = [],
): Seen {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const seen: Seen = { heads: [], bodies: [], ends: 0, stops: [] }
  const reader = new HttpReader(
    {
      onHead: (head) => {
        seen.heads.push(head)
        seen.bodies.push('')
      },
      onBody: (body, from, to) => {
        const part = Buffer.from(body.subarray(from, to)).toString('latin1')
        seen.bodies[seen.bodies.length - 1] += part
      },
      onEnd: () => void (seen.ends += 1),
      onStop: (reason) => void seen.stops.push(reason),
    },
    options,
  )
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])]
  edges.sort((a, b) => a - b)
  for (let index = 1; index < edges.length; index += 1) {
    reader.push(bytes, edges[index - 1] ?? 0, edges[index] ?? 0, 7)
  }
  return seen
}

const request = (text: string, cuts?: readonly number[]) => read(text, { kind: 'request' }, cuts)
const answer = (text: string, options: Partial<HttpReaderOptions> = {}) =>
  read(text, { kind: 'answer', ...options })

test('a request with a length has exactly that body', () => {
  const { heads, bodies, ends } = request('POST /a?b HTTP/1.1\r\ncOnTent-LENGTH: 3\r\n\r\nabc')
  expect(heads[0]).toMatchObject({ method: 'POST', target: '/a?b', contentLength: 3 })
  expect({ bodies, ends }).toEqual({ bodies: ['abc'], ends: 1 })
})

test('requests that follow each other without waiting are told apart', () => {
  const one = 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi'
  const { heads, bodies, ends } = request(`${one}GET /x HTTP/1.1\r\n\r\n\r\n${one}`)
  expect(heads.map(({ target }) => target)).toEqual(['/', '/x', '/'])
  expect({ bodies, ends }).toEqual({ bodies: ['hi', '', 'hi'], ends: 3 })
})

test('chunk extensions and trailers are passed over', () => {
  const chunks = '5;a="b;c"\r\nhello\r\n1 \r\n!\r\n0;x\r\nX-Sum: 1\r\nY: 2\r\n\r\n'
  const { bodies, ends, stops } = request(
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  )
  expect({ bodies, ends, stops }).toEqual({ bodies: ['hello!'], ends: 1, stops: [] })
})

test('header values come only for names that were asked for, and repeated ones are joined', () => {
  const text = 'GET / HTTP/1.1\r\nX-One: 1\r\nx-one:  2 \r\nX-Two: secret\r\n\r\n'
  const { heads } = read(text, { kind: 'request', headers: ['x-one'] })
  expect([...(heads[0]?.headers ?? [])]).toEqual([['x-one', '1, 2']])
})

test('an answer to HEAD, a 204 and a 304 have no body whatever they say', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
  expect(answer(head + head, { methodOfNext: () => 'HEAD' }).ends).toBe(2)
  const empty =
    'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'
  expect(answer(empty)).toMatchObject({ ends: 2, stops: [] })
})

test('interim answers are no answers', () => {
  const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'
  const { heads, ends } = answer(text)
  expect({ statuses: heads.map(({ status }) => status), ends }).toEqual({
    statuses: [200],
    ends: 1,
  })
})

test('an answer without length ends when the connection does', () => {
  const ends: number[] = []
  const reader = new HttpReader(
    { onHead: () => {}, onBody: () => {}, onEnd: (atUs) => ends.push(atUs), onStop: () => {} },
    { kind: 'answer' },
  )
  const bytes = Buffer.from('HTTP/1.0 200 OK\r\n\r\nabc')
  reader.push(bytes, 0, bytes.length, 1)
  expect(reader.close(9)).toBe(true)
  expect(ends).toEqual([9])
})

test('a connection that closes inside a message says so, between messages not', () => {
  const closes = [
    '',
    'GET',
    'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na',
    'GET / HTTP/1.1\r\n\r\n',
  ].map((text) => {
    const reader = new HttpReader(
      { onHead: () => {}, onBody: () => {}, onEnd: () => {}, onStop: () => {} },
      { kind: 'request' },
    )
    reader.push(Buffer.from(text), 0, text.length, 1)
    return reader.close(2)
  })
  expect(closes).toEqual([true, false, false, true])
})

test('upgrades, tunnels and answers that nobody asked for end the observation', () => {
  expect(answer('HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello').stops).toEqual(['upgrade'])
  expect(request('CONNECT a:1 HTTP/1.1\r\n\r\n').stops).toEqual(['tunnel'])
  const tunnel = answer('HTTP/1.1 200 OK\r\n\r\n', { methodOfNext: () => 'CONNECT' })
  expect(tunnel.stops).toEqual(['tunnel'])
  const unasked = answer('HTTP/1.1 408 Timeout\r\n\r\n', { methodOfNext: () => null })
  expect(unasked.stops).toEqual(['unasked_answer'])
})

const LOSSES: readonly [name: string, text: string, reason: string][] = [
  [
    'both lengths',
    'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'two_lengths',
  ],
  [
    'two lengths that differ',
    'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'bad_length',
  ],
  ['a length with a sign', 'POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n', 'bad_length'],
  [
    'a coding beside chunked',
    'POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'bad_coding',
  ],
  ['chunked in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 'bad_coding'],
  ['a folded header', 'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n', 'folded_header'],
  ['a space before the colon', 'GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n', 'bad_header'],
  ['a header without a colon', 'GET / HTTP/1.1\r\nabc\r\n\r\n', 'bad_header'],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nA: b\0c\r\n\r\n', 'bad_header'],
  ['a lone LF', 'GET / HTTP/1.1\nA: b\r\n\r\n', 'lone_line_feed'],
  ['lines that end in LF alone', 'GET / HTTP/1.1\nA: b\n\n', 'lone_line_feed'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'bad_start_line'],
  ['TLS', '\x16\x03\x01\x02\x00\r\n\r\n', 'bad_start_line'],
  [
    'a chunk size that is none',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'bad_chunk',
  ],
  [
    'a chunk size too large',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(13)}\r\n`,
    'bad_chunk',
  ],
  [
    'a chunk longer than it says',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
    'bad_chunk',
  ],
  [
    'a chunk line that does not end',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5_000)}`,
    'long_chunk_line',
  ],
  ['a head that does not end', `GET / HTTP/1.1\r\nA: ${'x'.repeat(70_000)}`, 'long_head'],
  [
    'trailers that do not end',
    `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(20_000)}`,
    'long_head',
  ],
]

test.each(LOSSES)(
  '%s ends the observation, in one piece or byte by byte',
  (_name, text, reason) => {
    expect(request(text).stops).toEqual([reason])
    expect(
      request(
        text,
        Array.from({ length: text.length }, (_, index) => index),
      ).stops,
    ).toEqual([reason])
  },
)

const token = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,8}$/)
const value = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/)
const body = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => text.replaceAll(/[^\0-\xff]/g, '?'))

const chunked = fc
  .array(
    body.filter((part) => part.length > 0),
    { maxLength: 4 },
  )
  .map((parts) => ({
    framing: 'Transfer-Encoding: chunked\r\n',
    body: `${parts.map((part) => `${part.length.toString(16)};e=1\r\n${part}\r\n`).join('')}0\r\nT: 1\r\n\r\n`,
  }))
const sized = body.map((part) => ({ framing: `Content-Length: ${part.length}\r\n`, body: part }))
const framed = fc.oneof(chunked, sized)
const headers = fc
  .array(fc.tuple(token, value), { maxLength: 4 })
  .map((list) => list.map(([name, text]) => `X-${name}: ${text}\r\n`).join(''))

const requests = fc.array(
  fc
    .tuple(
      fc.constantFrom('POST', 'PUT'),
      fc.stringMatching(/^\/[a-z0-9/?=&]{0,12}$/),
      headers,
      framed,
    )
    .map(
      ([method, path, extra, parts]) =>
        `${method} ${path} HTTP/1.1\r\n${extra}${parts.framing}\r\n${parts.body}`,
    ),
  { minLength: 1, maxLength: 4 },
)
const answers = fc.array(
  fc
    .tuple(fc.constantFrom(200, 404, 503), headers, framed)
    .map(
      ([status, extra, parts]) =>
        `HTTP/1.1 ${status} Some Reason\r\n${extra}${parts.framing}\r\n${parts.body}`,
    ),
  { minLength: 1, maxLength: 4 },
)

test('valid requests are read as node reads them', () => {
  fc.assert(
    fc.property(requests, (messages) => {
      const text = messages.join('')
      const { heads, bodies, ends, stops } = request(text)
      expect(stops).toEqual([])
      expect(ends).toBe(messages.length)
      const ours = heads.map(({ method, target }, index) => ({
        start: `${method} ${target}`,
        body: bodies[index],
      }))
      expect(ours).toEqual(parseWithNode('request', text))
    }),
  )
})

test('valid answers are read as node reads them', () => {
  fc.assert(
    fc.property(answers, (messages) => {
      const text = messages.join('')
      const { heads, bodies, stops } = answer(text)
      expect(stops).toEqual([])
      const ours = heads.map(({ status }, index) => ({ start: `${status}`, body: bodies[index] }))
      expect(ours).toEqual(parseWithNode('answer', text))
    }),
  )
})

const summary = ({ heads, bodies, ends, stops }: Seen) => ({
  heads: heads.map(({ method, target, status }) => [method, target, status]),
  bodies,
  ends,
  stops,
})

test('where the bytes are split makes no difference', () => {
  fc.assert(
    fc.property(requests, fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
      const text = messages.join('')
      expect(summary(request(text, cuts))).toEqual(summary(request(text)))
    }),
  )
})

test('broken traffic never throws, and is broken in the same way however it is split', () => {
  const mutation = fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(
      fc.oneof(requests, answers),
      fc.constantFrom('request' as const, 'answer' as const),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      (messages, kind, mutations, cuts) => {
        const bytes = [...Buffer.from(messages.join(''), 'latin1')]
        for (const [place, action, byte] of mutations) {
          const at = place % bytes.length
          if (action === 0) bytes[at] = byte
          else if (action === 1) bytes.splice(at, 1)
          else bytes.splice(at, 0, byte)
          if (bytes.length === 0) bytes.push(byte)
        }
        const whole = read(Buffer.from(bytes), { kind })
        expect(summary(read(Buffer.from(bytes), { kind }, cuts))).toEqual(summary(whole))
      },
    ),
    { numRuns: 500 },
  )
})
