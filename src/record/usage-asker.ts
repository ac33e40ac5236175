/**
 * Asks the server for the usage of streams whose clients did not, and takes that one event out of the
 * answer again. The only place where bytes are changed; what it cannot follow passes unchanged. Pure.
 */
import { asObject, parseJson } from '../stream/json.ts'
import { ChunkFilter } from './chunk-filter.ts'

/** A longer head, or a longer body, passes as it is. */
const MAX_HEAD_BYTES = 65_536
const MAX_BODY_BYTES = 16_000_000
const PATHS = /^POST (?:\/v1\/chat\/completions|\/v1\/completions)(?:\?\S*)? HTTP\/1\.1\r\n/
const ADDED = ',"stream_options":{"include_usage":true}}'
const EMPTY = Buffer.alloc(0)
const BODILESS: ReadonlySet<number> = new Set([204, 304])

type Side = { mode: 'head' | 'body' | 'chunks' | 'through'; held: Buffer; leftBytes: number }

/** 'asked': usage was asked for here; 'head': the answer has a length and no body. */
type Waiting = 'asked' | 'plain' | 'head'

const newSide = (): Side => ({ mode: 'head', held: EMPTY, leftBytes: 0 })

export class UsageAsker {
  readonly #client = newSide()
  readonly #upstream = newSide()
  /** Requests without an answer, oldest first. */
  readonly #waiting: Waiting[] = []
  #filter = new ChunkFilter(false)

  /** @returns what goes to the server now; the rest waits for the request's end */
  fromClient(bytes: Buffer): Buffer {
    return pass(this.#client, bytes, (side) =>
      side.mode === 'body' ? takeBody(side) : this.#takeRequest(side),
    )
  }

  /** @returns what goes to the client now */
  fromUpstream(bytes: Buffer): Buffer {
    return pass(this.#upstream, bytes, (side) => {
      if (side.mode === 'body') return takeBody(side)
      return side.mode === 'chunks' ? this.#takeChunks(side) : this.#takeAnswer(side)
    })
  }

  #takeRequest(side: Side): Buffer | null {
    const head = headOf(side)
    if (head === null) return null
    const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0)
    const isPlain = !/\r\n(?:transfer-encoding|expect|upgrade|content-encoding):/i.test(head)
    if (!isPlain) return passThrough(side)
    if (!PATHS.test(head) || length === 0 || length > MAX_BODY_BYTES) {
      this.#waiting.push(head.startsWith('HEAD ') ? 'head' : 'plain')
      side.mode = 'body'
      side.leftBytes = head.length + length
      return takeBody(side)
    }
    const end = head.length + length
    if (side.held.length < end) return null
    const whole = side.held.subarray(0, end)
    side.held = side.held.subarray(end)
    const asking = askingBody(whole.subarray(head.length))
    this.#waiting.push(asking === null ? 'plain' : 'asked')
    if (asking === null) return whole
    const changed = head.replace(/(\r\ncontent-length: *)\d+/i, `$1${asking.length}`)
    return Buffer.concat([Buffer.from(changed, 'latin1'), asking])
  }

  #takeAnswer(side: Side): Buffer | null {
    const head = headOf(side)
    if (head === null) return null
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0)
    const waiting = status < 200 ? 'head' : this.#waiting.shift()
    if (status === 101 || status === 0 || waiting === undefined) return passThrough(side)
    side.leftBytes = head.length
    side.mode = 'body'
    if (waiting === 'head' || BODILESS.has(status)) return takeBody(side)
    if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) {
      const isStream = /\r\ncontent-type: *text\/event-stream/i.test(head)
      this.#filter = new ChunkFilter(waiting === 'asked' && isStream && status === 200)
      const start = takeBody(side)
      side.mode = 'chunks'
      return start
    }
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1]
    if (length === undefined) return passThrough(side)
    side.leftBytes += Number(length)
    return takeBody(side)
  }

  #takeChunks(side: Side): Buffer | null {
    const { out, usedBytes, state } = this.#filter.take(side.held)
    if (state === 'lost') return passThrough(side)
    side.held = side.held.subarray(usedBytes)
    if (state === 'ended') side.mode = 'head'
    return usedBytes === 0 ? null : out
  }
}

/** Takes off what can be told, and keeps the rest as a copy: the bytes may be of a reused buffer. */
function pass(side: Side, bytes: Buffer, take: (side: Side) => Buffer | null): Buffer {
  if (side.mode === 'through') return bytes
  side.held = side.held.length === 0 ? bytes : Buffer.concat([side.held, bytes])
  const out: Buffer[] = []
  while (side.held.length > 0) {
    const part = take(side)
    if (part === null) break
    out.push(part)
  }
  if (isThrough(side)) out.push(passThrough(side))
  side.held = side.held.length === 0 ? EMPTY : Buffer.from(side.held)
  return out.length === 1 ? (out[0] ?? EMPTY) : Buffer.concat(out)
}

function isThrough({ mode }: Side): boolean {
  return mode === 'through'
}

/** The head at the front of what is held, its blank line included; null while its end is missing. */
function headOf(side: Side): string | null {
  const end = side.held.indexOf('\r\n\r\n')
  if (end >= 0 && end <= MAX_HEAD_BYTES) return side.held.toString('latin1', 0, end + 4)
  if (side.held.length > MAX_HEAD_BYTES) side.mode = 'through'
  return null
}

/** Bytes of a message that pass as they are, up to its end. */
function takeBody(side: Side): Buffer {
  const part = side.held.subarray(0, side.leftBytes)
  side.held = side.held.subarray(part.length)
  side.leftBytes -= part.length
  if (side.leftBytes === 0) side.mode = 'head'
  return part
}

function passThrough(side: Side): Buffer {
  const rest = side.held
  side.held = EMPTY
  side.mode = 'through'
  return rest
}

/** @returns the body that asks for usage; null where it need not, or cannot be told */
function askingBody(body: Buffer): Buffer | null {
  const text = body.toString()
  const value = asObject(parseJson(text))
  if (value?.['stream'] !== true || 'stream_options' in value) return null
  const end = text.lastIndexOf('}')
  return Buffer.from(text.slice(0, end) + ADDED)
}
