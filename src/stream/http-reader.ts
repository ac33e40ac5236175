/**
 * Follows one direction of an HTTP/1.1 connection from the bytes that pass, and never changes them.
 *
 * Whatever a server and a client could read in two ways ends the observation, not the connection.
 * Time is linear in bytes; memory is one head. Pure.
 */
import { HEX } from './hex-digits.ts'
import { HeadBuffer } from './http-head-buffer.ts'
import {
  headerTable,
  parseHead,
  type HeaderTable,
  type MessageHead,
  type MessageKind,
} from './http-head.ts'
import type { HttpReaderOptions, HttpSink, StopReason } from './http-sink.ts'

export type { MessageHead } from './http-head.ts'
export type { HttpReaderOptions, HttpSink, StopReason } from './http-sink.ts'

/** A head, or the trailers of one message, longer than this are not followed. */
export const MAX_HEAD_BYTES = 65_536
/** The line that holds a chunk's size and extensions. */
export const MAX_CHUNK_LINE_BYTES = 4_096
const MAX_CHUNK_DIGITS = 12

const HEAD = 0
const FIXED = 1
const UNTIL_CLOSE = 2
const CHUNK_SIZE = 3
const CHUNK_EXTENSION = 4
const CHUNK_SIZE_LF = 5
const CHUNK_DATA = 6
const CHUNK_DATA_CR = 7
const CHUNK_DATA_LF = 8
const TRAILER = 9
const TRAILER_LINE = 10
const TRAILER_LF = 11
const LAST_LF = 12
const STOPPED = 13

const CR = 13
const LF = 10

export class HttpReader {
  readonly #sink: HttpSink
  readonly #kind: MessageKind
  readonly #table: HeaderTable
  readonly #methodOfNext: () => string | null
  readonly #maxHeadBytes: number
  readonly #head: HeadBuffer
  #state = HEAD
  #leftBytes = 0
  #digits = 0
  #lineBytes = 0

  constructor(sink: HttpSink, options: HttpReaderOptions) {
    this.#sink = sink
    this.#kind = options.kind
    this.#table = headerTable(options.headers ?? [])
    this.#methodOfNext = options.methodOfNext ?? (() => 'GET')
    this.#maxHeadBytes = options.maxHeadBytes ?? MAX_HEAD_BYTES
    this.#head = new HeadBuffer(this.#maxHeadBytes)
  }

  get isStopped(): boolean {
    return this.#state === STOPPED
  }

  /** True between messages: a connection that ends here loses nothing. */
  get isIdle(): boolean {
    return this.#state === HEAD && this.#head.isEmpty
  }

  /** Takes the bytes [from, to) that arrived at `atUs`. Never throws on what they hold. */
  push(bytes: Buffer, from: number, to: number, atUs: number): void {
    let at = from
    while (at < to && this.#state !== STOPPED) {
      if (this.#state === HEAD) at = this.#pushHead(bytes, at, to, atUs)
      else if (this.#state <= UNTIL_CLOSE || this.#state === CHUNK_DATA)
        at = this.#pushBody(bytes, at, to, atUs)
      else at = this.#pushFraming(bytes, at, to, atUs)
    }
  }

  /** The sender closed: ends a message that has no other end. @returns false if one was cut */
  close(atUs: number): boolean {
    const wasUntilClose = this.#state === UNTIL_CLOSE
    const isWhole = wasUntilClose || this.isIdle || this.isStopped
    this.#state = STOPPED
    if (wasUntilClose) this.#sink.onEnd(atUs)
    return isWhole
  }

  /** Looks no further, e.g. since the other direction turned into something else. */
  stop(): void {
    this.#state = STOPPED
    this.#head.clear()
  }

  #lose(reason: StopReason, atUs: number): void {
    this.stop()
    this.#sink.onStop(reason, atUs)
  }

  #pushHead(bytes: Buffer, from: number, to: number, atUs: number): number {
    const head = this.#head
    const next = head.push(bytes, from, to, atUs)
    if (head.loss !== null) this.#lose(head.loss, atUs)
    else if (head.isWhole) this.#endHead(head, atUs)
    return next
  }

  #endHead({ bytes, from, to, startedAtUs }: HeadBuffer, atUs: number): void {
    const head = parseHead(this.#kind, this.#table, bytes, from, to)
    this.#head.clear()
    if (typeof head === 'string') return this.#lose(head, atUs)
    head.startedAtUs = startedAtUs
    head.endedAtUs = atUs
    if (this.#kind === 'request') this.#beginRequest(head, atUs)
    else this.#beginAnswer(head, atUs)
  }

  #beginRequest(head: MessageHead, atUs: number): void {
    if (head.method === 'CONNECT') return this.#lose('tunnel', atUs)
    this.#sink.onHead(head)
    if (this.isStopped) return
    if (head.isChunked) this.#beginChunk()
    else this.#beginFixed(head.contentLength ?? 0, atUs)
  }

  #beginAnswer(head: MessageHead, atUs: number): void {
    const { status } = head
    if (status === 101) return this.#lose('upgrade', atUs)
    if (status < 200) return
    const method = this.#methodOfNext()
    if (method === null) return this.#lose('unasked_answer', atUs)
    if (method === 'CONNECT' && status < 300) return this.#lose('tunnel', atUs)
    this.#sink.onHead(head)
    if (this.isStopped) return
    if (method === 'HEAD' || status === 204 || status === 304) this.#beginFixed(0, atUs)
    else if (head.isChunked) this.#beginChunk()
    else if (head.contentLength === null) this.#state = UNTIL_CLOSE
    else this.#beginFixed(head.contentLength, atUs)
  }

  #beginFixed(lengthBytes: number, atUs: number): void {
    if (lengthBytes === 0) return this.#end(atUs)
    this.#leftBytes = lengthBytes
    this.#state = FIXED
  }

  #beginChunk(): void {
    this.#leftBytes = 0
    this.#digits = 0
    this.#lineBytes = 0
    this.#state = CHUNK_SIZE
  }

  #end(atUs: number): void {
    this.#state = HEAD
    this.#sink.onEnd(atUs)
  }

  #pushBody(bytes: Buffer, from: number, to: number, atUs: number): number {
    if (this.#state === UNTIL_CLOSE) {
      this.#sink.onBody(bytes, from, to, atUs)
      return to
    }
    const end = Math.min(to, from + this.#leftBytes)
    this.#leftBytes -= end - from
    this.#sink.onBody(bytes, from, end, atUs)
    if (this.#leftBytes === 0 && !this.isStopped) {
      if (this.#state === FIXED) this.#end(atUs)
      else this.#state = CHUNK_DATA_CR
    }
    return end
  }

  /** One byte of chunk framing, or a run of bytes that do not matter. */
  #pushFraming(bytes: Buffer, from: number, to: number, atUs: number): number {
    const byte = bytes[from] ?? 0
    switch (this.#state) {
      case CHUNK_SIZE:
        return this.#pushChunkSize(byte, from, atUs)
      case CHUNK_EXTENSION:
      case TRAILER_LINE:
        return this.#skipLine(bytes, from, to, atUs)
      case TRAILER:
        this.#state = byte === CR ? LAST_LF : TRAILER_LINE
        return byte === CR ? from + 1 : from
      case CHUNK_SIZE_LF:
        this.#lineBytes = 0
        this.#digits = 0
        return this.#expect(byte, LF, this.#leftBytes === 0 ? TRAILER : CHUNK_DATA, from, atUs)
      case CHUNK_DATA_CR:
        return this.#expect(byte, CR, CHUNK_DATA_LF, from, atUs)
      case CHUNK_DATA_LF:
        return this.#expect(byte, LF, CHUNK_SIZE, from, atUs)
      case TRAILER_LF:
        return this.#expect(byte, LF, TRAILER, from, atUs)
      default:
        if (byte === LF) this.#end(atUs)
        else this.#lose('bad_chunk', atUs)
        return from + 1
    }
  }

  #expect(byte: number, wanted: number, next: number, from: number, atUs: number): number {
    if (byte === wanted) this.#state = next
    else this.#lose('bad_chunk', atUs)
    return from + 1
  }

  #pushChunkSize(byte: number, from: number, atUs: number): number {
    const digit = HEX[byte] ?? -1
    if (digit >= 0 && this.#digits < MAX_CHUNK_DIGITS) {
      this.#leftBytes = this.#leftBytes * 16 + digit
      this.#digits += 1
    } else if (this.#digits === 0 || digit >= 0) {
      this.#lose('bad_chunk', atUs)
    } else if (byte === CR) {
      this.#state = CHUNK_SIZE_LF
    } else if (byte === 59 || byte === 32 || byte === 9) {
      this.#state = CHUNK_EXTENSION
    } else {
      this.#lose('bad_chunk', atUs)
    }
    return from + 1
  }

  /** Extensions and trailers are passed over up to their CR, within a bound. */
  #skipLine(bytes: Buffer, from: number, to: number, atUs: number): number {
    let at = from
    while (at < to && bytes[at] !== CR && bytes[at] !== LF) at += 1
    const isExtension = this.#state === CHUNK_EXTENSION
    const isEnd = at < to
    this.#lineBytes += at - from
    if (this.#lineBytes > (isExtension ? MAX_CHUNK_LINE_BYTES : this.#maxHeadBytes)) {
      this.#lose(isExtension ? 'long_chunk_line' : 'long_head', atUs)
    } else if (isEnd && bytes[at] === LF) {
      this.#lose('bad_chunk', atUs)
    } else if (isEnd) {
      this.#state = isExtension ? CHUNK_SIZE_LF : TRAILER_LF
      at += 1
    }
    return at
  }
}
