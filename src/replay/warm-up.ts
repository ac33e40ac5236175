/**
 * Sends some requests to a server of our own in this thread before the first instant, over real
 * sockets, so that no measured send or answer pays for code that runs for the first time.
 * Effects: sockets on the loopback address.
 */
import { systemClock } from '../base/clock.ts'
import { listen, type Server } from '../base/socket.ts'
import { Admission } from './admission.ts'
import type { MakeAlarm } from './alarm.ts'
import { Counters } from './counters.ts'
import type { FlightResult } from './flight-result.ts'
import { Sender } from './sender.ts'
import { socketWires } from './socket-wire.ts'

/** Enough for the compiler to have seen what matters; takes about a fifth of a second. */
const REQUESTS = 120
const STEP_US = 1_000
const LEAD_US = 20_000
const LIMIT_US = 2_000_000
const WRITES = 40

const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n'
const EVENT =
  'data: {"id":"cmpl-0","object":"text_completion","choices":[{"index":0,"text":" a","finish_reason":null}]}\n\n'
const CHUNK = Buffer.from(`${EVENT.length.toString(16)}\r\n${EVENT}\r\n`)
const REQUEST = Buffer.from('POST / HTTP/1.1\r\nhost: warm\r\ncontent-length: 0\r\n\r\n')

/** @returns what became of them; nothing where there is no loopback to listen on */
export async function warmUp(makeAlarm: MakeAlarm): Promise<FlightResult[]> {
  const server = await answering().catch(() => null)
  if (server === null) return []
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const results: FlightResult[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const none = Number.POSITIVE_INFINITY
  const sender = new Sender({
    clock: systemClock,
    makeAlarm,
    openWire: socketWires([{ host: '127.0.0.1', port, tls: null }]),
    counters: new Counters(),
    admission: new Admission({ maxInFlight: none, maxPerSecond: none }),
    limits: { leadUs: LEAD_US, timeoutUs: LIMIT_US, stallUs: LIMIT_US, maxLinks: REQUESTS },
    concurrency: null,
    connections: 'fresh',
    retry: null,
    breaker: null,
    draw: () => 0,
    onResult(result) {
      results.push(result)
      if (results.length === REQUESTS) resolve()
    },
  })
  const fromUs = systemClock.nowUs() + LEAD_US
  for (let which = 0; which < REQUESTS; which += 1) {
    sender.add(
      {
        index: 0,
        attempt: 0,
        dueUs: fromUs + which * STEP_US,
        sinceStartUs: which * STEP_US,
        target: 0,
        bodyBytes: 0,
        isStream: true,
        isReuseWanted: false,
        abortAfterUs: Number.NaN,
        abortAfterEvents: 0,
      },
      REQUEST,
    )
  }
  await promise
  sender.stop()
  server.close()
  return results
}

async function answering(): Promise<Server> {
  return listen(
    { host: '127.0.0.1', port: 0 },
    {
      isShared: false,
      onConnection(socket) {
        socket.on('error', () => socket.destroy())
        socket.once('data', () => {
          socket.write(HEAD)
          const state = { left: WRITES }
          const write = () => {
            state.left -= 1
            if (state.left < 0) socket.end('0\r\n\r\n')
            else socket.write(CHUNK, () => setImmediate(write))
          }
          write()
        })
      },
    },
  )
}
