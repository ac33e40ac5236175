/** Keeps one answer as it passes: its head, its events or its body, and when they came. Pure. */
import type { MessageHead } from './http-head.ts'
import { eventsUntil } from './kept-events.ts'
import type { AnswerCapture, AnswerEnd } from './observation.ts'
import { MAX_PACKED_PIECES } from './packed-stream.ts'
import { SseSplitter, type SplitterLimits } from './sse-splitter.ts'
import { TokenScan } from './token-scan.ts'

/** Of a body that is no event stream, this much is kept. */
export const MAX_BODY_BYTES = 8_000_000

/** Headers of an answer that an observer needs. */
export const ANSWER_HEADERS = ['content-type', 'content-encoding', 'retry-after'] as const

export type CollectorLimits = SplitterLimits & Readonly<{ maxBodyBytes?: number }>

const FIRST_BODY_BYTES = 4_096
const NOTHING: Buffer = Buffer.alloc(0)

const FIELD_NAMES = [Buffer.from('data:'), Buffer.from('event:')]

/** Events that a server sends under another content type, or none. No JSON begins like this. */
function isUnnamedStream(bytes: Uint8Array, from: number, to: number): boolean {
  return FIELD_NAMES.some(
    (name) => to - from >= name.length && name.every((byte, index) => bytes[from + index] === byte),
  )
}

export class AnswerCollector {
  readonly status: number
  readonly headersAtUs: number
  /** Events so far that bear tokens; see `token-scan.ts`. */
  tokenEventCount = 0
  /** When the first of them was whole; null before. */
  firstTokenAtUs: number | null = null
  lastByteAtUs: number
  bodyBytes = 0
  readonly #contentType: string
  readonly #contentEncoding: string
  readonly #retryAfter: string
  readonly #maxBodyBytes: number
  readonly #limits: CollectorLimits
  #splitter: SseSplitter | null
  readonly #scan = new TokenScan()
  readonly #expectedBytes: number
  /** Of a compressed event stream: bytes kept and when, in pairs. */
  readonly #packedMarks: number[] | null
  #body = NOTHING
  #kept = 0
  #isCut = false

  constructor(head: MessageHead, limits: CollectorLimits = {}) {
    this.status = head.status
    this.headersAtUs = head.endedAtUs
    this.lastByteAtUs = head.endedAtUs
    this.#contentType = (head.headers.get('content-type') ?? '').toLowerCase()
    this.#contentEncoding = (head.headers.get('content-encoding') ?? '').toLowerCase()
    this.#retryAfter = head.headers.get('retry-after') ?? ''
    this.#maxBodyBytes = limits.maxBodyBytes ?? MAX_BODY_BYTES
    this.#expectedBytes = head.contentLength ?? FIRST_BODY_BYTES
    const isPlain = this.#contentEncoding === '' || this.#contentEncoding === 'identity'
    const isNamed = this.#contentType.startsWith('text/event-stream')
    const isEvents = isPlain && isNamed
    this.#packedMarks = isNamed && !isPlain ? [] : null
    this.#limits = limits
    this.#splitter = isEvents ? this.#newSplitter() : null
  }

  get isStream(): boolean {
    return this.#splitter !== null
  }

  push(bytes: Buffer, from: number, to: number, atUs: number): void {
    if (this.bodyBytes === 0 && this.#splitter === null && isUnnamedStream(bytes, from, to)) {
      this.#splitter = this.#newSplitter()
    }
    this.bodyBytes += to - from
    this.lastByteAtUs = atUs
    if (this.#splitter !== null) return this.#splitter.push(bytes, from, to, atUs)
    this.#keep(bytes, from, to)
    const marks = this.#packedMarks
    if (marks !== null && marks.length < 2 * MAX_PACKED_PIECES) marks.push(this.#kept, atUs)
  }

  /** @param how the connection ended it; `complete` where the framing says it is whole */
  finish(how: AnswerEnd, atUs: number): AnswerCapture {
    const splitter = this.#splitter
    if (splitter !== null && how === 'complete') splitter.finish(this.lastByteAtUs)
    const isCut = splitter?.isCut === true
    const all = splitter?.log.bytes ?? this.#keptBody()
    splitter?.release()
    return {
      status: this.status,
      contentType: this.#contentType,
      contentEncoding: this.#contentEncoding,
      retryAfter: this.#retryAfter,
      headersAtUs: this.headersAtUs,
      // What came after the client had left reached nobody.
      body: splitter !== null && how === 'hangup' ? eventsUntil(all, atUs) : all,
      bodyBytes: this.bodyBytes,
      isEvents: splitter !== null,
      ...(this.#packedMarks === null ? {} : { packedMarks: Float64Array.from(this.#packedMarks) }),
      isCut: this.#isCut || isCut,
      endAtUs: atUs,
      end: how,
    }
  }

  /** Of memory that nobody else has: it may cross to another thread. */
  #keptBody(): Buffer {
    return this.#kept === 0 ? Buffer.allocUnsafeSlow(0) : this.#body.subarray(0, this.#kept)
  }

  #newSplitter(): SseSplitter {
    return new SseSplitter(this.#limits, (bytes, from, to, atUs) => {
      if (!this.#scan.bearsTokens(bytes, from, to)) return
      this.tokenEventCount += 1
      this.firstTokenAtUs ??= atUs
    })
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const room = this.#maxBodyBytes - this.#kept
    const end = Math.min(to, from + room)
    if (end < to) this.#isCut = true
    const needed = this.#kept + end - from
    if (needed > this.#body.length) {
      const first = Math.min(this.#expectedBytes, this.#maxBodyBytes)
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#body.length * 2, first))
      this.#body.copy(larger, 0, 0, this.#kept)
      this.#body = larger
    }
    bytes.copy(this.#body, this.#kept, from, end)
    this.#kept = needed
  }
}
