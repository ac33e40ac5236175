/**
 * Asks the server for the usage of streams whose clients did not, and takes that one event out of the
 * answer again. The only place where bytes are changed; what it cannot follow passes unchanged. Pure.
 */
import { headerTable, type MessageHead, parseHead } from '../stream/http-head.ts'
import { asObject, parseJson } from '../stream/json.ts'
import { endpointOf } from '../stream/request-facts.ts'
import { ChunkFilter } from './chunk-filter.ts'
import { HeldBytes } from './held-bytes.ts'
import { UsageFilter } from './usage-filter.ts'

/** A longer head, or a longer body, passes as it is. */
const MAX_HEAD_BYTES = 65_536
const MAX_BODY_BYTES = 16_000_000
const ADDED = Buffer.from(',"stream_options":{"include_usage":true}')
const EMPTY = Buffer.alloc(0)
const CR = 13
const LF = 10
const BODILESS: ReadonlySet<number> = new Set([204, 304])
/** What a request must not have, so that its end and its body can be told. */
const UNTOLD = ['expect', 'content-encoding', 'upgrade'] as const
const TABLE = headerTable([...UNTOLD, 'content-type'])

type Side = {
  mode: 'head' | 'body' | 'chunks' | 'events' | 'through'
  readonly held: HeldBytes
  leftBytes: number
}

/** 'asked': usage was asked for here; 'head': the answer has a length and no body. */
type Waiting = 'asked' | 'plain' | 'head'

const newSide = (): Side => ({ mode: 'head', held: new HeldBytes(), leftBytes: 0 })

export class UsageAsker {
  readonly #client = newSide()
  readonly #upstream = newSide()
  /** Requests without an answer, oldest first. */
  readonly #waiting: Waiting[] = []
  #filter = new UsageFilter(false)
  #chunks = new ChunkFilter(this.#filter)

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
      if (side.mode === 'events') return this.#takeEvents(side)
      return side.mode === 'chunks' ? this.#takeChunks(side) : this.#takeAnswer(side)
    })
  }

  /** The client says no more. @returns what was held of it */
  clientEnded(): Buffer {
    return passThrough(this.#client)
  }

  /** The server says no more. @returns what was held of it, so that a cut answer is cut where it was */
  upstreamEnded(): Buffer {
    const { mode } = this.#upstream
    const rest = passThrough(this.#upstream)
    if (mode === 'events') return this.#filter.rest()
    return mode === 'chunks' ? Buffer.concat([this.#chunks.rest(), rest]) : rest
  }

  #takeRequest(side: Side): Buffer | null {
    const head = headOf(side, 'request')
    if (head === null || side.mode === 'through') return null
    const { method, headers, contentLength, isChunked, sizeBytes } = head
    const isUntold = isChunked || method === 'CONNECT' || UNTOLD.some((name) => headers.has(name))
    if (isUntold) return passThrough(side)
    const length = contentLength ?? 0
    if (!mayAsk(head) || length === 0 || length > MAX_BODY_BYTES) {
      this.#waiting.push(method === 'HEAD' ? 'head' : 'plain')
      side.mode = 'body'
      side.leftBytes = sizeBytes + length
      return takeBody(side)
    }
    const whole = side.held.take(sizeBytes + length)
    if (whole === null) return null
    const asking = askingBody(whole.subarray(sizeBytes))
    this.#waiting.push(asking === null ? 'plain' : 'asked')
    if (asking === null) return whole
    const start = whole.toString('latin1', 0, sizeBytes)
    const changed = start.replace(/(\r\ncontent-length:[ \t]*)\d+/i, `$1${asking.length}`)
    return Buffer.concat([Buffer.from(changed, 'latin1'), asking])
  }

  #takeAnswer(side: Side): Buffer | null {
    const head = headOf(side, 'answer')
    if (head === null || side.mode === 'through') return null
    const { status, isChunked, contentLength } = head
    const waiting = status < 200 ? 'head' : this.#waiting.shift()
    if (status === 101 || waiting === undefined) return passThrough(side)
    const start = side.held.take(head.sizeBytes)
    this.#filter = new UsageFilter(waiting === 'asked' && isPlainStream(head))
    this.#chunks = new ChunkFilter(this.#filter)
    const hasBody = waiting !== 'head' && !BODILESS.has(status)
    side.leftBytes = hasBody ? (contentLength ?? 0) : 0
    if (hasBody && isChunked) side.mode = 'chunks'
    else if (hasBody && contentLength === null) side.mode = 'events'
    else if (side.leftBytes > 0) side.mode = 'body'
    return start
  }

  #takeEvents(side: Side): Buffer {
    const passed = this.#filter.take(side.held.takeAll())
    const lead = this.#filter.takeLead()
    return lead.length === 0 ? passed : Buffer.concat([lead, passed])
  }

  #takeChunks(side: Side): Buffer | null {
    const { out, usedBytes, wantedBytes, state } = this.#chunks.take(side.held.bytes)
    if (state === 'lost') return Buffer.concat([this.#chunks.rest(), passThrough(side)])
    if (state === 'ended') side.mode = 'head'
    side.held.want(wantedBytes)
    if (usedBytes === 0) return null
    side.held.take(usedBytes)
    return out
  }
}

/** Takes off what can be told, and keeps the rest as a copy: the bytes may be of a reused buffer. */
function pass(side: Side, bytes: Buffer, take: (side: Side) => Buffer | null): Buffer {
  if (side.mode === 'through') return bytes
  if (!side.held.add(bytes)) return EMPTY
  const out: Buffer[] = []
  let part: Buffer | null = EMPTY
  while (part !== null && !side.held.isEmpty) {
    part = take(side)
    if (part !== null) out.push(part)
  }
  if (isThrough(side)) out.push(passThrough(side))
  side.held.own()
  return out.length === 1 ? (out[0] ?? EMPTY) : Buffer.concat(out)
}

function isThrough({ mode }: Side): boolean {
  return mode === 'through'
}

type Head = MessageHead & Readonly<{ sizeBytes: number }>

/** The head at the front of what is held; null while its end is missing, or if it cannot be trusted. */
function headOf(side: Side, kind: 'request' | 'answer'): Head | null {
  const { bytes } = side.held
  const sizeBytes = bytes.indexOf('\r\n\r\n') + 4
  const isWhole = sizeBytes > 3 && sizeBytes <= MAX_HEAD_BYTES
  const head = isWhole ? parseHead(kind, TABLE, bytes, 0, sizeBytes) : null
  if (head !== null && typeof head === 'object') return { ...head, sizeBytes }
  // Half a head whose lines end otherwise would be waited for in vain.
  const isLost = head !== null || bytes.length > MAX_HEAD_BYTES || hasLoneLineFeed(bytes)
  if (isLost) side.mode = 'through'
  return null
}

function hasLoneLineFeed(bytes: Buffer): boolean {
  let at = bytes.indexOf(LF)
  while (at >= 0 && bytes[at - 1] === CR) at = bytes.indexOf(LF, at + 1)
  return at >= 0
}

/** Bytes of a message that pass as they are, up to its end. */
function takeBody(side: Side): Buffer {
  const part = side.held.takeUpTo(side.leftBytes)
  side.leftBytes -= part.length
  if (side.leftBytes === 0) side.mode = 'head'
  return part
}

function passThrough(side: Side): Buffer {
  side.mode = 'through'
  return side.held.takeAll()
}

/** Streams of these two endpoints have usage only where it is asked for. */
function mayAsk({ method, target }: MessageHead): boolean {
  const endpoint = endpointOf(method, target)
  return endpoint === 'chat' || endpoint === 'completions'
}

/** Its events can be read as they pass. */
function isPlainStream({ status, headers }: MessageHead): boolean {
  const isStream = headers.get('content-type')?.toLowerCase().startsWith('text/event-stream')
  return status === 200 && isStream === true && !headers.has('content-encoding')
}

/** @returns the body that asks for usage; null where it need not, or cannot be told */
function askingBody(body: Buffer): Buffer | null {
  const value = asObject(parseJson(body.toString()))
  if (value?.['stream'] !== true || 'stream_options' in value) return null
  const end = body.lastIndexOf('}')
  return Buffer.concat([body.subarray(0, end), ADDED, body.subarray(end)])
}
