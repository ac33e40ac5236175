/**
 * A server that misbehaves in every way that was seen in the wild, on virtual time: which request
 * meets which misfortune follows from the seed.
 */
import type { Clock } from '../../src/base/clock.ts'
import { drawFor } from '../../src/base/random.ts'
import type { OpenWire, WireEvents } from '../../src/replay/wire.ts'
import type { OutcomeName } from '../../src/trace/columns.ts'

export const MISFORTUNES = {
  none: 'ok',
  whole_body: 'ok',
  dribble: 'ok',
  slow_head: 'ok',
  slow_connect: 'ok',
  refused: 'not_sent',
  never_connects: 'not_sent',
  closed_before_sent: 'not_sent',
  silent_close: 'upstream_reset',
  reset_before_head: 'upstream_reset',
  reset_in_stream: 'upstream_reset',
  closed_in_stream: 'truncated',
  garbage: 'stream_error',
  garbage_chunk: 'stream_error',
  error_in_stream: 'stream_error',
  http_400: 'http_error',
  http_429: 'http_error',
  http_503: 'http_error',
  short_body: 'truncated',
  long_body: 'ok',
  no_answer: 'timeout',
  stall_in_stream: 'timeout',
  endless: 'timeout',
} as const satisfies Record<string, OutcomeName>

export type Misfortune = keyof typeof MISFORTUNES
const NAMES = Object.keys(MISFORTUNES) as Misfortune[]

type Act = Readonly<{ afterUs: number; bytes?: string; end?: 'fin' | 'reset' }>

const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const EVENT = 'data: {"choices":[{"index":0,"text":" word","finish_reason":null}]}\n\n'
const LAST = 'data: {"choices":[{"index":0,"text":" end","finish_reason":"length"}]}\n\n'
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":16,"completion_tokens":4}}\n\n'
const ERROR =
  'data: {"error":{"message":"engine died","type":"InternalServerError","code":500}}\n\n'
const DONE = 'data: [DONE]\n\n'
const END = '0\r\n\r\n'

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const stream = [HEAD, ...[EVENT, EVENT, EVENT, LAST, USAGE, DONE].map(chunk), END]
const whole = (status: string, body: string, promisedBytes = body.length, more = '') =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${more}content-length: ${promisedBytes}\r\n\r\n${body}`
const steps = (texts: readonly string[], gapUs = 20_000): Act[] =>
  texts.map((bytes) => ({ afterUs: gapUs, bytes }))

const ANSWER =
  '{"choices":[{"index":0,"text":" a b","finish_reason":"length"}],"usage":{"prompt_tokens":16,"completion_tokens":2}}'

/** What the server does once it has the request. */
export const ACTS: Readonly<Record<Misfortune, readonly Act[]>> = {
  none: steps(stream),
  whole_body: steps([whole('200 OK', ANSWER)]),
  dribble: steps(Array.from(stream.join('')), 100),
  slow_head: [{ afterUs: 5_000_000, bytes: stream.join('') }],
  slow_connect: steps(stream),
  refused: [],
  never_connects: [],
  closed_before_sent: [],
  silent_close: [{ afterUs: 1_000, end: 'fin' }],
  reset_before_head: [{ afterUs: 1_000, end: 'reset' }],
  reset_in_stream: [...steps(stream.slice(0, 3)), { afterUs: 10, end: 'reset' }],
  closed_in_stream: [...steps(stream.slice(0, 3)), { afterUs: 10, end: 'fin' }],
  garbage: steps(['SSH-2.0-OpenSSH_9.6\r\n\r\n']),
  garbage_chunk: steps([HEAD, chunk(EVENT), 'zz\r\nnot a chunk']),
  error_in_stream: steps([HEAD, chunk(EVENT), chunk(ERROR), chunk(DONE), END]),
  http_400: steps([whole('400 Bad Request', '{"error":{"message":"no"}}')]),
  http_429: steps([whole('429 Too Many Requests', 'busy', 4, 'retry-after: 1\r\n')]),
  short_body: [...steps([whole('200 OK', ANSWER, ANSWER.length + 9)]), { afterUs: 10, end: 'fin' }],
  long_body: steps([whole('200 OK', `${ANSWER}surplus`, ANSWER.length)]),
  http_503: steps([whole('503 Service Unavailable', 'upstream connect error')]),
  no_answer: [],
  stall_in_stream: steps(stream.slice(0, 4)),
  endless: Array.from({ length: 1_000 }, (_, at) => ({
    afterUs: 100_000,
    bytes: at === 0 ? HEAD : chunk(EVENT),
  })),
}

export type HostileServer = Readonly<{ openWire: OpenWire; met: readonly Misfortune[] }>

/** The how-many-th connection meets what the seed says. */
export function hostileServer(clock: Clock, seed: string): HostileServer {
  const draw = drawFor(seed, 'misfortunes')
  const met: Misfortune[] = []
  return {
    met,
    openWire(_target, events) {
      const misfortune = NAMES[Math.floor(draw(met.length) * NAMES.length)] ?? 'none'
      met.push(misfortune)
      return connection(clock, misfortune, events)
    },
  }
}

/** What one write met, and whether its connection had carried an answer before. */
export type Deed = Readonly<{ misfortune: Misfortune; isReused: boolean }>

export type HostilePool = Readonly<{
  openWire: OpenWire
  /** By the number in the first four bytes of a request: what its writes met, in their order. */
  deeds: ReadonlyMap<number, readonly Deed[]>
}>

/** What can only befall a connection before anything is written. */
const BEFORE = new Set<Misfortune>(['refused', 'never_connects', 'closed_before_sent'])
/** Of connections; of those that are idle, as a server with a short patience would close them. */
const FAILING_SHARE = 0.1
const IMPATIENT_SHARE = 0.3

/** A server whose connections carry several requests, each of which meets what the seed says. */
export function hostilePool(clock: Clock, seed: string): HostilePool {
  const draw = drawFor(seed, 'pool')
  const deeds = new Map<number, Deed[]>()
  const state = { opened: 0, written: 0 }
  const writable = NAMES.filter((name) => !BEFORE.has(name) && name !== 'slow_connect')
  const failing = [...BEFORE]
  const nextDeed = () => {
    state.written += 1
    return writable[Math.floor(draw(state.written, 1) * writable.length)] ?? 'none'
  }
  return {
    deeds,
    openWire(_target, events) {
      state.opened += 1
      const luck = draw(state.opened) / FAILING_SHARE
      const opening = luck < 1 ? failing[Math.floor(luck * failing.length)] : undefined
      const line = connection(clock, opening ?? 'none', events)
      let carried = 0
      return {
        unsentBytes: 0,
        close: () => line.close(),
        write(bytes) {
          const index = Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32LE(0)
          // Written at once, before the server let go of a connection that it never wanted.
          const isUnwanted = opening === 'closed_before_sent'
          const misfortune = isUnwanted ? 'silent_close' : nextDeed()
          deeds.set(index, [...(deeds.get(index) ?? []), { misfortune, isReused: carried > 0 }])
          carried += 1
          if (isUnwanted) return
          const isWhole = ['ok', 'http_error'].includes(MISFORTUNES[misfortune])
          const isImpatient = isWhole && draw(state.written, 2) < IMPATIENT_SHARE
          line.serve(misfortune, isImpatient ? draw(state.written, 3) * 3_000_000 : null)
        },
      }
    },
  }
}

function connection(clock: Clock, opening: Misfortune, events: WireEvents) {
  const state = { isGone: false, serving: 0 }
  const leave = (code: string | null) => {
    if (state.isGone) return
    state.isGone = true
    events.closed(code)
  }
  const after = async (us: number) => clock.sleepUntil(clock.nowUs() + us)
  const connect = async () => {
    await after(opening === 'slow_connect' ? 700_000 : 200)
    if (opening === 'refused') leave('ECONNREFUSED')
    else if (opening !== 'never_connects' && !state.isGone) events.connected()
    if (opening !== 'closed_before_sent') return
    await after(1_000)
    if (!state.isGone) events.ended()
    leave(null)
  }
  const serve = async (misfortune: Misfortune, idleUs: number | null) => {
    state.serving += 1
    const turn = state.serving
    for (const act of ACTS[misfortune]) {
      await after(act.afterUs)
      if (state.isGone) return
      if (act.bytes !== undefined) {
        const bytes = Buffer.from(act.bytes)
        events.bytes(bytes, bytes.length)
        // The reader must have copied what it wants to keep.
        bytes.fill(0)
      }
      if (act.end === 'fin') events.ended()
      if (act.end !== undefined) leave(act.end === 'fin' ? null : 'ECONNRESET')
    }
    if (idleUs === null) return
    await after(Math.round(idleUs))
    // Whoever wrote in the meantime has a turn of its own.
    if (state.isGone || turn !== state.serving) return
    events.ended()
    leave(null)
  }
  void connect()
  return {
    write: () => void serve(opening, null),
    serve: (misfortune: Misfortune, idleUs: number | null) => void serve(misfortune, idleUs),
    unsentBytes: 0,
    close: () => void (state.isGone = true),
  }
}
