/** One column of one Arrow batch, from its stored buffers to the form of `columns.ts`. Pure. */
import { constants, zstdDecompressSync } from 'node:zlib'
import type { ColumnType } from './columns.ts'
import { unreadable, type ArrowBatch, type ByteSource } from './arrow-file.ts'
import { KIND_OF, type ArrowField, type ArrowKind } from './arrow-schema.ts'
import { LIMITS, keepWithin } from './limits.ts'
import { newData, type Data } from './table.ts'

const BUFFERS_OF: Readonly<Record<ArrowKind, number>> = {
  int64: 2,
  uint64: 2,
  double: 2,
  bool: 2,
  utf8: 3,
  binary: 3,
}

const LENGTH_PREFIX_BYTES = 8

/** Decodes columns of one file; keeps nothing between batches. */
export class ColumnDecoder {
  readonly #source: ByteSource
  readonly #fields: readonly ArrowField[]
  readonly #firstBuffer: readonly number[]
  #batch: ArrowBatch | null = null
  #inflatedBytes = 0

  constructor(source: ByteSource, fields: readonly ArrowField[]) {
    this.#source = source
    this.#fields = fields
    let next = 0
    this.#firstBuffer = fields.map(({ kind }) => (next += BUFFERS_OF[kind]) - BUFFERS_OF[kind])
  }

  /** A column that the file does not have is null in every row. */
  decode(batch: ArrowBatch, name: string, type: ColumnType): Data {
    if (batch !== this.#batch) this.#inflatedBytes = 0
    this.#batch = batch
    const data = newData(type, batch.rowCount)
    const index = this.#fields.findIndex((field) => field.name === name)
    if (index < 0 || batch.rowCount === 0) return data
    const field = this.#fields[index] as ArrowField
    if (field.kind !== KIND_OF[type]) {
      throw unreadable(this.#source, `column ${name} has another type than a trace's`)
    }
    if (batch.nodes[index * 2] !== batch.rowCount) {
      throw unreadable(this.#source, `column ${name} has another length than its batch`)
    }
    if (batch.nodes[index * 2 + 1] === batch.rowCount) return data
    const first = this.#firstBuffer[index] ?? 0
    const present = this.#validity(batch, first, batch.nodes[index * 2 + 1] ?? 0)
    if (field.kind === 'utf8' || field.kind === 'binary') {
      this.#lists(batch, first, present, data as (string | Uint8Array | null)[], field)
    } else this.#numbers(batch, first, present, data, field)
    return data
  }

  /** @returns null if no value of the column is null */
  #validity(batch: ArrowBatch, first: number, nullCount: number): Uint8Array | null {
    if (nullCount === 0) return null
    return this.#buffer(batch, first, Math.ceil(batch.rowCount / 8))
  }

  #numbers(
    batch: ArrowBatch,
    first: number,
    present: Uint8Array | null,
    data: Data,
    { kind, name }: ArrowField,
  ): void {
    const { rowCount } = batch
    const bytes = this.#buffer(
      batch,
      first + 1,
      kind === 'bool' ? Math.ceil(rowCount / 8) : rowCount * 8,
    )
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (kind === 'bool') {
      for (let row = 0; row < rowCount; row += 1) {
        if (isPresent(present, row)) data[row] = Number(bitAt(bytes, row))
      }
    } else if (kind === 'int64') this.#wholes(view, present, data as Float64Array, name)
    else if (kind === 'uint64') copyIds(view, present, data as BigUint64Array)
    else copyReals(view, present, data as Float64Array)
  }

  #wholes(view: DataView, present: Uint8Array | null, data: Float64Array, name: string): void {
    for (let row = 0; row < data.length; row += 1) {
      if (!isPresent(present, row)) continue
      const high = view.getInt32(row * 8 + 4, true)
      const value = high * 0x1_0000_0000 + view.getUint32(row * 8, true)
      if (!Number.isSafeInteger(value)) {
        throw unreadable(this.#source, `column ${name} holds more than 2^53`)
      }
      data[row] = value
    }
  }

  #lists(
    batch: ArrowBatch,
    first: number,
    present: Uint8Array | null,
    data: (string | Uint8Array | null)[],
    { kind, isLarge }: ArrowField,
  ): void {
    const offsets = this.#offsets(batch, first + 1, isLarge)
    const end = offsets.getInt32(batch.rowCount * 4, true)
    const bytes = this.#buffer(batch, first + 2, Math.max(0, end))
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const limit = kind === 'utf8' ? 'MAX_TEXT_BYTES' : 'MAX_BLOB_BYTES'
    let last = ''
    let lastFrom = 0
    let lastTo = 0
    for (let row = 0; row < batch.rowCount; row += 1) {
      if (present !== null && !bitAt(present, row)) continue
      const from = offsets.getInt32(row * 4, true)
      const to = offsets.getInt32(row * 4 + 4, true)
      if (from < 0 || to < from || to > bytes.length) {
        throw unreadable(this.#source, 'a text points outside its buffer')
      }
      keepWithin(limit, to - from, this.#source.path)
      if (kind === 'binary')
        data[row] = new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from)
      else if (isRepeated(text, lastFrom, lastTo, from, to)) data[row] = last
      else {
        last = text.toString('utf8', from, to)
        lastFrom = from
        lastTo = to
        data[row] = last
      }
    }
  }

  /** Of 32 bits; wide ones are narrowed, as no buffer of a batch may be so long that they are needed. */
  #offsets(batch: ArrowBatch, index: number, isLarge: boolean): DataView {
    const count = batch.rowCount + 1
    const bytes = this.#buffer(batch, index, count * (isLarge ? 8 : 4))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!isLarge) return view
    const narrow = new DataView(new ArrayBuffer(count * 4))
    for (let at = 0; at < count; at += 1) {
      if (view.getUint32(at * 8 + 4, true) !== 0) {
        throw unreadable(this.#source, 'a text points outside its buffer')
      }
      narrow.setUint32(at * 4, view.getUint32(at * 8, true), true)
    }
    return narrow
  }

  /** At least `neededBytes` of the batch's n-th buffer, inflated. */
  #buffer(batch: ArrowBatch, index: number, neededBytes: number): Uint8Array {
    const offset = batch.buffers[index * 2] ?? NaN
    const storedBytes = batch.buffers[index * 2 + 1] ?? NaN
    if (!(offset + storedBytes <= batch.bodyBytes)) {
      throw unreadable(this.#source, 'a buffer points outside its batch')
    }
    if (storedBytes === 0 && neededBytes === 0) return new Uint8Array(0)
    const stored = this.#source.read(batch.bodyOffset + offset, storedBytes)
    const bytes = batch.isCompressed ? this.#inflate(stored) : stored
    if (bytes.length < neededBytes) throw unreadable(this.#source, 'a buffer is too short')
    return bytes
  }

  /** A length before it says how long it becomes; −1 says that it was stored as it is. */
  #inflate(stored: Uint8Array): Uint8Array {
    if (stored.length < LENGTH_PREFIX_BYTES) throw unreadable(this.#source, 'a buffer is too short')
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
    const inflatedBytes = Number(view.getBigInt64(0, true))
    const body = stored.subarray(LENGTH_PREFIX_BYTES)
    if (inflatedBytes === -1) return body
    if (inflatedBytes === 0) return new Uint8Array(0)
    keepWithin('MAX_BATCH_BYTES', this.#inflatedBytes + inflatedBytes, this.#source.path)
    this.#inflatedBytes += inflatedBytes
    if (inflatedBytes > body.length * LIMITS.MAX_INFLATE_RATIO) {
      throw unreadable(this.#source, 'a buffer inflates by more than MAX_INFLATE_RATIO allows')
    }
    try {
      const bytes = zstdDecompressSync(body, {
        maxOutputLength: inflatedBytes,
        params: { [constants.ZSTD_d_windowLogMax]: 27 },
      })
      if (bytes.length === inflatedBytes) return bytes
    } catch {
      // The reason is said below: zlib's own words add nothing.
    }
    throw unreadable(this.#source, 'a compressed buffer is damaged')
  }
}

function isPresent(present: Uint8Array | null, row: number): boolean {
  return present === null || bitAt(present, row)
}

/** Each kind of array has a loop of its own: one loop for all of them is several times slower. */
function copyIds(view: DataView, present: Uint8Array | null, data: BigUint64Array): void {
  for (let row = 0; row < data.length; row += 1) {
    if (isPresent(present, row)) data[row] = view.getBigUint64(row * 8, true)
  }
}

function copyReals(view: DataView, present: Uint8Array | null, data: Float64Array): void {
  for (let row = 0; row < data.length; row += 1) {
    if (isPresent(present, row)) data[row] = view.getFloat64(row * 8, true)
  }
}

function bitAt(bits: Uint8Array, row: number): boolean {
  return (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1
}

/** Most texts repeat the row before; then its string is used again. */
function isRepeated(
  bytes: Buffer,
  lastFrom: number,
  lastTo: number,
  from: number,
  to: number,
): boolean {
  if (lastTo - lastFrom !== to - from) return false
  for (let index = 0; index < to - from; index += 1) {
    if (bytes[lastFrom + index] !== bytes[from + index]) return false
  }
  return true
}
