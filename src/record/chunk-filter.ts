/** Passes the chunks of an answer through a filter; those it leaves alone keep their bytes. Pure. */
import type { UsageFilter } from './usage-filter.ts'

/** A longer chunk of what is filtered, or line of a chunk's size, is not followed. */
const MAX_CHUNK_BYTES = 4_000_000
const MAX_LINE_BYTES = 1_024
const CRLF = '\r\n'
const EMPTY = Buffer.alloc(0)

export type Filtered = Readonly<{
  out: Buffer
  usedBytes: number
  /** Nothing can be told before so many bytes are there; 0 is any more. */
  wantedBytes: number
  state: 'going' | 'ended' | 'lost'
}>

const WAITING: Filtered = { out: EMPTY, usedBytes: 0, wantedBytes: 0, state: 'going' }
const LOST: Filtered = { ...WAITING, state: 'lost' }

export class ChunkFilter {
  readonly #filter: UsageFilter
  #isTrailer = false
  /** Of a chunk that passes as it is, its line end included. */
  #leftBytes = 0

  constructor(filter: UsageFilter) {
    this.#filter = filter
  }

  /** Takes one chunk, a part of it, or the end off the front of `bytes`. */
  take(bytes: Buffer): Filtered {
    if (this.#leftBytes > 0) {
      const out = bytes.subarray(0, this.#leftBytes)
      this.#leftBytes -= out.length
      return { ...WAITING, out, usedBytes: out.length }
    }
    const line = bytes.indexOf(CRLF)
    if (line < 0) return bytes.length > MAX_LINE_BYTES ? LOST : WAITING
    if (this.#isTrailer) return this.#takeTrailer(bytes, line)
    const digits = /^[0-9a-f]+/i.exec(bytes.toString('latin1', 0, Math.min(line, 16)))?.[0]
    const sizeBytes = Number.parseInt(digits ?? '', 16)
    const isHeld = this.#filter.isActive
    if (!(sizeBytes <= (isHeld ? MAX_CHUNK_BYTES : Number.MAX_SAFE_INTEGER))) return LOST
    if (sizeBytes === 0) {
      this.#isTrailer = true
      const out = Buffer.concat([this.rest(), bytes.subarray(0, line + 2)])
      return { ...WAITING, out, usedBytes: line + 2 }
    }
    if (!isHeld) {
      this.#leftBytes = sizeBytes + 2
      return { ...WAITING, out: bytes.subarray(0, line + 2), usedBytes: line + 2 }
    }
    const end = line + 2 + sizeBytes + 2
    if (bytes.length < end) return { ...WAITING, wantedBytes: end }
    const data = bytes.subarray(line + 2, end - 2)
    const passed = this.#filter.take(data)
    const lead = chunkOf(this.#filter.takeLead())
    const out = passed === data ? bytes.subarray(0, end) : chunkOf(passed)
    return {
      ...WAITING,
      out: lead.length === 0 ? out : Buffer.concat([lead, out]),
      usedBytes: end,
    }
  }

  /** What is held of an event that does not end, as a chunk. */
  rest(): Buffer {
    return chunkOf(this.#filter.rest())
  }

  #takeTrailer(bytes: Buffer, line: number): Filtered {
    const usedBytes = line + 2
    const state = line === 0 ? 'ended' : 'going'
    return { ...WAITING, out: bytes.subarray(0, usedBytes), usedBytes, state }
  }
}

function chunkOf(bytes: Buffer): Buffer {
  if (bytes.length === 0) return EMPTY
  const size = bytes.length.toString(16)
  return Buffer.concat([Buffer.from(`${size}${CRLF}`), bytes, Buffer.from(CRLF)])
}
