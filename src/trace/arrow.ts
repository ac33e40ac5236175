/**
 * The door to apache-arrow: batches of any table written as an Arrow file with zstd. Pure but for the
 * sink. Every column has Arrow's own type, so pandas, polars and DuckDB open the file as it is.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import {
  Binary,
  Bool,
  CompressionType,
  Field,
  Float64,
  Int64,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint64,
  Utf8,
  makeData,
  type Data as ArrowData,
  type DataType,
} from 'apache-arrow'
import { BufferRegion, Message } from 'apache-arrow/ipc/metadata/message'
import type { TableName } from './columns.ts'
import { columnsOf, isNull, type Batch, type ColumnEntry, type Data } from './table.ts'

const LENGTH_PREFIX_BYTES = 8

/** A damaged buffer is noticed by its own checksum. */
const ZSTD = {
  params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: 3 },
}

/** Writes one Arrow file, message by message, into `sink`. */
export class ArrowFileWriter {
  readonly #table: TableName
  readonly #schema: Schema
  readonly #writer: ZstdFileWriter

  constructor(
    table: TableName,
    metadata: ReadonlyMap<string, string>,
    sink: (bytes: Uint8Array) => void,
  ) {
    this.#table = table
    this.#schema = new Schema(columnsOf(table).map(fieldOf), new Map(metadata))
    this.#writer = new ZstdFileWriter(sink)
    this.#writer.begin(this.#schema)
  }

  /** @param metadata of this batch alone */
  write(batch: Batch, metadata: ReadonlyMap<string, string> = new Map()): void {
    const children = columnsOf(this.#table).map((column) => columnData(column, batch))
    const type = new Struct(this.#schema.fields)
    const data = makeData({ type, length: batch.rowCount, nullCount: 0, children })
    this.#writer.write(new RecordBatch(this.#schema, data, new Map(metadata)))
  }

  finish(): void {
    this.#writer.close()
  }
}

/**
 * apache-arrow 21.2 puts a buffer's compressed length where the format wants the inflated one, and
 * other readers then refuse the file. This is the same method with the right length.
 */
class ZstdFileWriter extends RecordBatchFileWriter {
  readonly #sink: (bytes: Uint8Array) => void

  constructor(sink: (bytes: Uint8Array) => void) {
    super({ compressionType: CompressionType.ZSTD, autoDestroy: true })
    this.#sink = sink
  }

  /** The schema stands in the file even if no batch ever follows. */
  begin(schema: Schema): void {
    this.reset(undefined, schema)
  }

  /** The schema opens the file as the format has it, so that a file without its end can be read. */
  protected override _writeSchema(schema: Schema): this {
    return this._writeMagic()._writePadding(2)._writeMessage(Message.from(schema))
  }

  protected override _write(chunk: ArrayBufferView): this {
    if (this._started && chunk.byteLength > 0) {
      this.#sink(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      this._position += chunk.byteLength
    }
    return this
  }

  protected override _compressBodyBuffers(buffers: ArrayBufferView[]) {
    const stored: ArrayBufferView[] = []
    const bufferRegions: BufferRegion[] = []
    let at = 0
    for (const { buffer, byteOffset, byteLength } of buffers) {
      if (byteLength === 0) {
        stored.push(new Uint8Array(0), new Uint8Array(0))
        bufferRegions.push(new BufferRegion(at, 0))
        continue
      }
      const plain = new Uint8Array(buffer, byteOffset, byteLength)
      const packed = zstdCompressSync(plain, ZSTD)
      const isSmaller = packed.length < plain.length
      const body = isSmaller ? packed : plain
      const prefix = new DataView(new ArrayBuffer(LENGTH_PREFIX_BYTES))
      prefix.setBigInt64(0, isSmaller ? BigInt(plain.length) : -1n, true)
      stored.push(prefix, body)
      bufferRegions.push(new BufferRegion(at, LENGTH_PREFIX_BYTES + body.length))
      at = align(at + LENGTH_PREFIX_BYTES + body.length)
    }
    return { byteLength: at, bufferRegions, buffers: stored }
  }
}

function align(offset: number): number {
  return Math.ceil(offset / 8) * 8
}

function fieldOf({ file, type, nullable, unit, meaning }: ColumnEntry): Field {
  const notes = new Map([
    ...(unit === '' ? [] : [['unit', unit] as const]),
    ['meaning', meaning] as const,
  ])
  return new Field(file, arrowType(type), nullable, notes)
}

function arrowType(type: ColumnEntry['type']): DataType {
  switch (type) {
    case 'int':
      return new Int64()
    case 'real':
      return new Float64()
    case 'flag':
      return new Bool()
    case 'id':
      return new Uint64()
    case 'text':
    case 'json':
      return new Utf8()
    case 'bytes':
      return new Binary()
  }
}

type Validity = { nullBitmap: Uint8Array; nullCount: number }

function columnData({ key, type }: ColumnEntry, { rowCount, columns }: Batch): ArrowData {
  const data = columns[key]
  const common = { length: rowCount, ...validityOf(data, rowCount) }
  switch (type) {
    case 'int':
      return makeData({
        ...common,
        type: new Int64(),
        data: wholes(data as Float64Array | undefined, rowCount),
      })
    case 'real':
      return makeData({
        ...common,
        type: new Float64(),
        data: reals(data as Float64Array | undefined, rowCount),
      })
    case 'flag':
      return makeData({
        ...common,
        type: new Bool(),
        data: flags(data as Float64Array | undefined, rowCount),
      })
    case 'id': {
      const ids = (data as BigUint64Array | undefined) ?? new BigUint64Array(rowCount)
      return makeData({ ...common, type: new Uint64(), data: ids.subarray(0, rowCount) })
    }
    case 'text':
    case 'json':
      return makeData({ ...common, type: new Utf8(), ...lists(data, rowCount) })
    case 'bytes':
      return makeData({ ...common, type: new Binary(), ...lists(data, rowCount) })
  }
}

function validityOf(data: Data | undefined, rowCount: number): Validity {
  const nullBitmap = new Uint8Array(Math.ceil(rowCount / 64) * 8)
  let nullCount = rowCount
  for (let row = 0; data !== undefined && row < rowCount; row += 1) {
    if (isNull(data, row)) continue
    nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7))
    nullCount -= 1
  }
  return { nullBitmap, nullCount }
}

/** As 64-bit words, written by halves: a BigInt for each would be slow. */
function wholes(data: Float64Array | undefined, rowCount: number): BigInt64Array {
  const words = new Int32Array(rowCount * 2)
  for (let row = 0; data !== undefined && row < rowCount; row += 1) {
    const value = data[row] ?? NaN
    if (Number.isNaN(value)) continue
    words[row * 2] = (value % 0x1_0000_0000) | 0
    words[row * 2 + 1] = Math.floor(value / 0x1_0000_0000)
  }
  return new BigInt64Array(words.buffer)
}

function reals(data: Float64Array | undefined, rowCount: number): Float64Array {
  const values = new Float64Array(rowCount)
  for (let row = 0; data !== undefined && row < rowCount; row += 1) {
    const value = data[row] ?? NaN
    // Adding zero turns −0, which SQLite cannot keep, into 0.
    if (!Number.isNaN(value)) values[row] = value + 0
  }
  return values
}

function flags(data: Float64Array | undefined, rowCount: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rowCount / 64) * 8)
  for (let row = 0; data !== undefined && row < rowCount; row += 1) {
    if (data[row] === 1) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return bits
}

function lists(data: Data | undefined, rowCount: number) {
  const valueOffsets = new Int32Array(rowCount + 1)
  const parts: Uint8Array[] = []
  let at = 0
  for (let row = 0; row < rowCount; row += 1) {
    const value = data?.[row] ?? null
    if (value !== null) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array)
      parts.push(bytes)
      at += bytes.length
    }
    valueOffsets[row + 1] = at
  }
  return { valueOffsets, data: Buffer.concat(parts) }
}
