/**
 * The door to apache-arrow: batches of any table written as an Arrow file with zstd. Pure but for the
 * sink. Every column has Arrow's own type, so pandas, polars and DuckDB open the file as it is.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import {
  CompressionType,
  Field,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  makeData,
} from 'apache-arrow'
import { BufferRegion, Message } from 'apache-arrow/ipc/metadata/message'
import type { TableName } from './columns.ts'
import { arrowType, columnData } from './arrow-encode.ts'
import { columnsOf, type Batch, type ColumnEntry } from './table.ts'

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
    this.#schema = new Schema(
      columnsOf(table).map((column) => fieldOf(column, table === 'request')),
      new Map(metadata),
    )
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

/* eslint-disable no-underscore-dangle -- the names of apache-arrow's protected methods */
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

/* eslint-enable no-underscore-dangle */

function align(offset: number): number {
  return Math.ceil(offset / 8) * 8
}

/** @param isExplained with unit and meaning, for whoever opens the file elsewhere */
function fieldOf(
  { file, type, nullable, unit, meaning }: ColumnEntry,
  isExplained: boolean,
): Field {
  if (!isExplained) return new Field(file, arrowType(type), nullable)
  const notes = new Map([
    ...(unit === '' ? [] : [['unit', unit] as const]),
    ['meaning', meaning] as const,
  ])
  return new Field(file, arrowType(type), nullable, notes)
}
