/**
 * One number for what a trace says, whatever container, batch size or order of blocks it is in.
 * Effects: `fileDigest` reads a file.
 *
 * SHA-256 over 'vllm-trace rows 1\n', then each table in the order of the column table: its name,
 * a newline, its rows, a zero byte. A row is its values that are not null, each preceded by one byte,
 * the column's place in the table from 1 on; a zero byte ends the row. int and id are eight bytes,
 * low first; real is an IEEE double, low byte first; flag is one byte; text, json and bytes are four
 * bytes of length, low first, and the bytes (UTF-8). Rows of `request` stand by (at_us, seq), blocks
 * by id, the rest by their columns in order. So a column that is added later, and null, changes nothing.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { REQUEST_COLUMN_NAMES, type ColumnType, type RowOf, type TableName } from './columns.ts'
import { GrowingBlocks } from './growing-blocks.ts'
import { columnsOf, hasValue, rowsToBatch, TABLE_NAMES, type Batch, type Data } from './table.ts'
import type { TraceReader } from './trace.ts'

const BUFFER_BYTES = 262_144
/** The longest value that is not text or bytes, with its place. */
const MARGIN_BYTES = 32
const MAX_LOOPED = 40

/**
 * @param begun an encoder that was begun and given all requests while they passed; they are not read
 * again then
 * @returns 64 hexadecimal digits
 */
export async function rowDigest(
  reader: TraceReader,
  begun: RowEncoder | null = null,
): Promise<string> {
  const encoder = begun ?? new RowEncoder()
  for (const table of TABLE_NAMES) {
    if (table !== 'request') encoder.begin(table)
    if (table !== 'request' || begun === null) await encodeTable(encoder, table, reader)
    encoder.byte(0)
  }
  return encoder.digest()
}

async function encodeTable(encoder: RowEncoder, table: TableName, reader: TraceReader) {
  switch (table) {
    case 'request': {
      for await (const batch of reader.requests(REQUEST_COLUMN_NAMES))
        encoder.rows('request', batch)
      return
    }
    case 'block': {
      const blocks = new GrowingBlocks()
      for await (const batch of reader.blocks()) blocks.add(batch)
      const { rowCount, ...columns } = blocks.sortedById()
      encoder.rows('block', { rowCount, columns })
      return
    }
    case 'event':
      return encoder.sorted('event', await reader.events())
    case 'gap':
      return encoder.sorted('gap', await reader.gaps())
    case 'sample':
      return encodeSamples(encoder, reader)
  }
}

/** Samples come in order of time; only those of one instant are sorted, and so held, together. */
async function encodeSamples(encoder: RowEncoder, reader: TraceReader): Promise<void> {
  let pending: RowOf<'sample'>[] = []
  for await (const rows of reader.samples()) {
    pending.push(...rows)
    const lastAtUs = pending.at(-1)?.atUs
    const split = pending.findIndex(({ atUs }) => atUs === lastAtUs)
    encoder.sorted('sample', pending.slice(0, split))
    pending = pending.slice(split)
  }
  encoder.sorted('sample', pending)
}

/** Orders rows by their columns: null first, text by its UTF-8 bytes. */
export function compareRows(table: TableName): (left: object, right: object) => number {
  const columns = columnsOf(table)
  return (left, right) => {
    for (const { key } of columns) {
      const order = compareValues(
        (left as Record<string, unknown>)[key] ?? null,
        (right as Record<string, unknown>)[key] ?? null,
      )
      if (order !== 0) return order
    }
    return 0
  }
}

function compareValues(left: unknown, right: unknown): number {
  if (left === right) return 0
  if (left === null || right === null) return left === null ? -1 : 1
  if (typeof left === 'string' && typeof right === 'string') {
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  }
  return (left as number) < (right as number) ? -1 : 1
}

/** Takes rows in the digest's order, in batches of any size. */
export class RowEncoder {
  readonly #hash: Hash = createHash('sha256').update('vllm-trace rows 1\n')
  readonly #bytes = Buffer.alloc(BUFFER_BYTES)
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset)
  #length = 0

  constructor() {
    this.begin('request')
  }

  sorted(table: TableName, rows: readonly object[]): void {
    this.rows(table, rowsToBatch(table, [...rows].toSorted(compareRows(table))))
  }

  rows(table: TableName, batch: Batch): void {
    const columns = columnsOf(table).filter(({ key }) =>
      hasValue(batch.columns[key], batch.rowCount),
    )
    const places = columns.map(({ index }) => index + 1)
    const types = columns.map(({ type }) => type)
    const data = columns.map(({ key }) => batch.columns[key] as Data)
    for (let row = 0; row < batch.rowCount; row += 1) {
      for (let index = 0; index < data.length; index += 1) {
        this.#value(types[index] as ColumnType, places[index] as number, data[index] as Data, row)
      }
      this.byte(0)
    }
  }

  /** Nothing where the value is null. */
  #value(type: ColumnType, place: number, data: Data, row: number): void {
    switch (type) {
      case 'int':
        return this.#whole(place, (data as Float64Array)[row] as number)
      case 'flag':
      case 'real':
        return this.#real(type, place, (data as Float64Array)[row] as number)
      case 'id':
        return this.#id(place, (data as BigUint64Array)[row] as bigint)
      case 'text':
      case 'json': {
        const text = (data as (string | null)[])[row] as string | null
        return text === null ? undefined : this.#text(place, text)
      }
      case 'bytes': {
        const bytes = (data as (Uint8Array | null)[])[row] as Uint8Array | null
        return bytes === null ? undefined : this.#sized(place, bytes)
      }
    }
  }

  byte(value: number): void {
    if (this.#length + MARGIN_BYTES > BUFFER_BYTES) this.#flush()
    this.#bytes[this.#length] = value
    this.#length += 1
  }

  begin(table: TableName): void {
    this.#raw(Buffer.from(`${table}\n`))
  }

  digest(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }

  #whole(place: number, value: number): void {
    if (Number.isNaN(value)) return
    this.byte(place)
    this.#view.setInt32(this.#length, (value % 0x1_0000_0000) | 0, true)
    this.#view.setInt32(this.#length + 4, Math.floor(value / 0x1_0000_0000), true)
    this.#length += 8
  }

  #real(type: 'flag' | 'real', place: number, value: number): void {
    if (Number.isNaN(value)) return
    this.byte(place)
    if (type === 'flag') return this.byte(value)
    // Adding zero turns −0, which SQLite cannot keep, into 0.
    this.#view.setFloat64(this.#length, value + 0, true)
    this.#length += 8
  }

  #id(place: number, value: bigint): void {
    if (value === 0n) return
    this.byte(place)
    this.#view.setBigUint64(this.#length, value, true)
    this.#length += 8
  }

  #sized(place: number, bytes: Uint8Array): void {
    this.byte(place)
    this.#size(bytes)
  }

  #size(bytes: Uint8Array): void {
    this.#view.setUint32(this.#length, bytes.length, true)
    this.#length += 4
    this.#raw(bytes)
  }

  #raw(bytes: Uint8Array): void {
    if (this.#length + bytes.length + MARGIN_BYTES > BUFFER_BYTES) this.#flush()
    if (bytes.length + MARGIN_BYTES > BUFFER_BYTES) {
      this.#hash.update(bytes)
      return
    }
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #text(place: number, text: string): void {
    this.byte(place)
    if (this.#length + text.length * 3 + MARGIN_BYTES > BUFFER_BYTES) this.#flush()
    if (text.length * 3 + MARGIN_BYTES > BUFFER_BYTES) return this.#size(Buffer.from(text))
    const start = this.#length + 4
    let at = start
    // Short plain texts are the rule, and for them a loop is quicker than a call.
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      if (code > 0x7f || index > MAX_LOOPED) {
        at = start + this.#bytes.write(text, start, 'utf8')
        break
      }
      this.#bytes[at] = code
      at += 1
    }
    this.#view.setUint32(start - 4, at - start, true)
    this.#length = at
  }

  #flush(): void {
    this.#hash.update(this.#bytes.subarray(0, this.#length))
    this.#length = 0
  }
}

/** SHA-256 of a file's bytes, 64 hexadecimal digits: what push and pull go by. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
