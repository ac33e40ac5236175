/** What the observer makes of a connection's bytes, without a socket. */
import { describe, expect, test } from 'vitest'
import { RECORD, type RecordKind } from '../../src/record/batch.ts'
import { ConnectionView, type ExchangeSink } from '../../src/record/connection-view.ts'
import {
  completionRequest,
  STREAM,
  STREAM_END,
  STREAM_HEAD,
  token,
} from '../support/completions.ts'

function view() {
  const said: string[] = []
  const stalls: number[] = []
  const sink: ExchangeSink = {
    onBegin(exchange) {
      exchange.seq = 0
      said.push(`begin ${exchange.connection} ${exchange.connectUs}`)
    },
    onSent: (_exchange, body, isCut) => void said.push(`sent ${body.length}${isCut ? ' cut' : ''}`),
    onAnswered(exchange, { end, status, endAtUs }) {
      stalls.push(exchange.stallUs)
      said.push(`${end} ${status} at ${endAtUs}`)
    },
    onBareEnd: (exchange, { outcome, status }) =>
      void said.push(`${outcome} ${status} ${exchange.connection}`),
    onUnreadable: (exchanges, reason) => void said.push(`${reason} ${exchanges.length}`),
  }
  const limits = { maxBodyBytes: 1_000, maxStreamBytes: 100_000, maxHeadBytes: 4_096 }
  const facts = { route: '9000', clientBytes: 0, turns: 0 }
  const connection = new ConnectionView(facts, { sink, headers: [], ...limits })
  let atUs = 0
  const push = (kind: RecordKind, text: string) => {
    const bytes = Buffer.from(text)
    atUs += 10
    if (kind === RECORD.clientBytes) connection.pushClient(bytes, 0, bytes.length, atUs)
    else connection.pushUpstream(bytes, 0, bytes.length, atUs)
  }
  return {
    said,
    stalls,
    connection,
    client: (text: string) => push(RECORD.clientBytes, text),
    server: (text: string) => push(RECORD.upstreamBytes, text),
  }
}

const BODY_BYTES = completionRequest(9).split('\r\n\r\n')[1]?.length ?? 0

describe('one connection', () => {
  test('pipelined requests get their answers in order', () => {
    const { said, client, server, connection } = view()
    connection.connected(500)
    client(completionRequest(9) + completionRequest(9))
    server(STREAM + STREAM)
    expect(said).toEqual([
      'begin new 500',
      `sent ${BODY_BYTES}`,
      'begin reused null',
      `sent ${BODY_BYTES}`,
      'complete 200 at 20',
      'complete 200 at 20',
    ])
    expect(connection.isIdle).toBe(true)
  })

  test('a client that goes first is the one who ended it, at that moment', () => {
    const { said, client, server, connection } = view()
    client(completionRequest(9))
    server(STREAM_HEAD + token('a'))
    connection.clientEnded(25)
    connection.ended('fin', 90)
    expect(said.at(-1)).toBe('hangup 200 at 25')
  })

  test('a whole answer after the client had ended its side counts only if nobody had left', () => {
    const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
    const half = view()
    half.client(completionRequest(9))
    half.connection.clientEnded(12)
    half.server(answer)
    half.connection.closed(90)
    expect(half.said.at(-1)).toBe('complete 200 at 20')

    const left = view()
    left.client(completionRequest(9))
    left.connection.clientEnded(12)
    left.server(answer)
    left.connection.clientReset(21)
    expect(left.said.at(-1)).toBe('client_abort null new')
  })

  test('a stream that ends after its client left keeps the tokens that came before', () => {
    const { said, client, server, connection } = view()
    client(completionRequest(9))
    server(STREAM_HEAD + token('a'))
    connection.clientEnded(25)
    server(token('b', 'stop') + STREAM_END)
    connection.clientReset(31)
    connection.closed(40)
    expect(said.at(-1)).toBe('hangup 200 at 25')
  })

  test('a server that closes a kept connection as a request comes is a race', () => {
    const { said, client, server, connection } = view()
    client(completionRequest(9))
    server(STREAM)
    client(completionRequest(9))
    connection.ended('reset', 99)
    expect(said.at(-1)).toBe('upstream_reset null race')
  })

  test('a pause for a slow client is charged to the oldest request without an answer', () => {
    const { connection, client, server, stalls } = view()
    client(completionRequest(9))
    server(STREAM_HEAD + token('a'))
    connection.stalled(700)
    connection.stalled(300)
    server(token('b', 'stop') + STREAM_END)
    expect(stalls).toEqual([1_000])
  })

  test('a body beyond the limit is looked at up to there', () => {
    const { said, client } = view()
    client(`POST /v1/completions HTTP/1.1\r\ncontent-length: 3000\r\n\r\n${'x'.repeat(3_000)}`)
    expect(said.at(-1)).toBe('sent 1000 cut')
  })

  test('a head beyond the limit ends the reading, not more', () => {
    const { said, client } = view()
    client(`POST /v1/completions HTTP/1.1\r\nx: ${'y'.repeat(5_000)}\r\n\r\n`)
    expect(said).toEqual(['long_head 0'])
  })

  test('an upgrade ends the reading with the request that asked for it', () => {
    const { said, client, server } = view()
    client('GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    server('HTTP/1.1 101 Switching\r\n\r\n')
    client('anything')
    expect(said.at(-1)).toBe('upgrade 1')
  })

  test('when bytes were missed, what was under way has an end that nobody saw', () => {
    const { said, client, connection } = view()
    client(completionRequest(9))
    connection.forget(50)
    client('more')
    expect(said.at(-1)).toBe('unobserved_end null new')
  })
})
