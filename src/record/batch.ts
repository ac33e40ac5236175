/**
 * What the relay tells the observer, packed into memory that both see, so that a chunk costs a copy
 * and no object. A record is 16 bytes of head (time, connection, kind and size), then its bytes,
 * padded to 8. Pure.
 */

export const RECORD = {
  /** JSON of what is known when a connection is accepted. */
  open: 1,
  clientBytes: 2,
  upstreamBytes: 3,
  clientEnd: 4,
  upstreamEnd: 5,
  clientReset: 6,
  upstreamReset: 7,
  /** The relay gave up waiting. */
  timeout: 8,
  /** Bytes were not observed: what follows begins with a new request. */
  lost: 9,
  /** The upstream connection is there; four bytes: µs it took. */
  connected: 10,
  /** The relay answered 502 itself. */
  refused: 11,
  /** Reading from upstream paused for a slow client; four bytes: µs. */
  stalled: 12,
  closed: 13,
} as const
export type RecordKind = (typeof RECORD)[keyof typeof RECORD]

const HEAD_BYTES = 16
const KIND_FACTOR = 0x100_0000

export class BatchWriter {
  readonly memory: SharedArrayBuffer
  readonly #bytes: Buffer
  readonly #times: Float64Array
  readonly #words: Uint32Array
  #sizeBytes = 0
  recordCount = 0
  /** Requests of which these are the first bytes. */
  begunCount = 0
  /** A socket still sends from this memory: it must not be filled again. */
  isPinned = false

  /** @param capacityBytes a multiple of 8 */
  constructor(capacityBytes: number) {
    const memory = new SharedArrayBuffer(capacityBytes)
    this.memory = memory
    this.#bytes = Buffer.from(memory)
    this.#times = new Float64Array(memory)
    this.#words = new Uint32Array(memory)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  fits(sizeBytes: number): boolean {
    return this.#sizeBytes + HEAD_BYTES + sizeBytes + 7 <= this.#bytes.length
  }

  /**
   * Copies `source` in, which must fit.
   *
   * @returns the copy, which stays as it is for as long as anyone holds it
   */
  add(
    kind: RecordKind,
    connection: number,
    atUs: number,
    source: Buffer | null,
    sizeBytes: number,
  ): Buffer {
    const at = this.#sizeBytes
    this.#times[at >>> 3] = atUs
    this.#words[(at >>> 2) + 2] = connection
    this.#words[(at >>> 2) + 3] = kind * KIND_FACTOR + sizeBytes
    const from = at + HEAD_BYTES
    // Unlike `set` this is one plain copy, whoever else sees the memory and however it is aligned.
    source?.copy(this.#bytes, from, 0, sizeBytes)
    this.#sizeBytes = (from + sizeBytes + 7) & ~7
    this.recordCount += 1
    return this.#bytes.subarray(from, from + sizeBytes)
  }

  /** Once the observer has read it. */
  clear(): void {
    this.#sizeBytes = 0
    this.recordCount = 0
    this.begunCount = 0
  }
}

export type OnRecord = (
  kind: RecordKind,
  connection: number,
  atUs: number,
  bytes: Buffer,
  from: number,
  to: number,
) => void

/** Calls back once for each record, in order; `bytes` is the whole batch. */
export function readBatch(memory: SharedArrayBuffer, sizeBytes: number, onRecord: OnRecord): void {
  const bytes = Buffer.from(memory)
  const times = new Float64Array(memory)
  const words = new Uint32Array(memory)
  for (let at = 0; at < sizeBytes;) {
    const word = words[(at >>> 2) + 3] ?? 0
    const size = word % KIND_FACTOR
    const from = at + HEAD_BYTES
    onRecord(
      Math.floor(word / KIND_FACTOR) as RecordKind,
      words[(at >>> 2) + 2] ?? 0,
      times[at >>> 3] ?? 0,
      bytes,
      from,
      from + size,
    )
    at = (from + size + 7) & ~7
  }
}
