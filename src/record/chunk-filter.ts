/** Takes one event out of a chunked stream; everything else keeps its bytes and chunks. Pure. */

/** A longer chunk, or line of a chunk's size, is not followed. */
const MAX_CHUNK_BYTES = 4_000_000
const MAX_LINE_BYTES = 1_024
const CRLF = '\r\n'
const EMPTY = Buffer.alloc(0)

export type Filtered = Readonly<{
  out: Buffer
  usedBytes: number
  state: 'going' | 'ended' | 'lost'
}>

const WAITING: Filtered = { out: EMPTY, usedBytes: 0, state: 'going' }
const LOST: Filtered = { out: EMPTY, usedBytes: 0, state: 'lost' }

export class ChunkFilter {
  readonly #isActive: boolean
  /** An event whose end is in a later chunk. */
  #partial = ''
  #isTrailer = false

  /** @param isActive false: only finds the end */
  constructor(isActive: boolean) {
    this.#isActive = isActive
  }

  /** Takes one chunk, or the end, off the front of `bytes`. */
  take(bytes: Buffer): Filtered {
    const line = bytes.indexOf(CRLF)
    if (line < 0) return bytes.length > MAX_LINE_BYTES ? LOST : WAITING
    if (this.#isTrailer) return this.#takeTrailer(bytes, line)
    const digits = /^[0-9a-f]+/i.exec(bytes.toString('latin1', 0, Math.min(line, 16)))?.[0]
    const sizeBytes = Number.parseInt(digits ?? '', 16)
    if (!(sizeBytes <= MAX_CHUNK_BYTES)) return LOST
    if (sizeBytes === 0) {
      this.#isTrailer = true
      const rest = this.#partial === '' ? EMPTY : chunkOf(this.#partial)
      this.#partial = ''
      const out = Buffer.concat([rest, bytes.subarray(0, line + 2)])
      return { out, usedBytes: line + 2, state: 'going' }
    }
    const end = line + 2 + sizeBytes + 2
    if (bytes.length < end) return WAITING
    const whole = bytes.subarray(0, end)
    const out = this.#isActive ? this.#filter(whole, line + 2, end - 2) : whole
    return { out, usedBytes: end, state: 'going' }
  }

  #takeTrailer(bytes: Buffer, line: number): Filtered {
    const usedBytes = line + 2
    const state = line === 0 ? 'ended' : 'going'
    return { out: bytes.subarray(0, usedBytes), usedBytes, state }
  }

  #filter(whole: Buffer, from: number, to: number): Buffer {
    const text = whole.toString('latin1', from, to)
    const isSimple = this.#partial === '' && text.endsWith('\n\n') && !text.includes('"usage"')
    if (isSimple) return whole
    const events = (this.#partial + text).split('\n\n')
    this.#partial = events.pop() ?? ''
    const kept = events.filter((event) => !isUsage(event)).map((event) => `${event}\n\n`)
    return kept.length === 0 ? EMPTY : chunkOf(kept.join(''))
  }
}

/** The event that a server adds when it is asked: no choices, only usage. */
function isUsage(event: string): boolean {
  return /"choices": ?\[\]/.test(event) && /"usage": ?\{/.test(event)
}

/** @param text one character a byte */
function chunkOf(text: string): Buffer {
  return Buffer.from(`${text.length.toString(16)}${CRLF}${text}${CRLF}`, 'latin1')
}
