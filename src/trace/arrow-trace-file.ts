/** One Arrow trace as it is written: rows, parts of small tables, end mark. Effects: writes the file. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { ARROW_KEYS } from './arrow-reader.ts'
import { ArrowFileWriter } from './arrow.ts'
import type { TableName } from './columns.ts'
import { formatHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { sliceRows, type Batch } from './table.ts'

/** Half of what a reader takes as one message. */
const MAX_PART_BYTES = 8_388_608

const EMPTY: Batch = { rowCount: 0, columns: {} }

export class ArrowTraceFile {
  readonly #file: number
  readonly #writer: ArrowFileWriter

  constructor(path: string, header: TraceHeader) {
    const file = openSync(path, 'wx')
    this.#file = file
    const metadata = new Map([[ARROW_KEYS.header, formatHeader(header)]])
    this.#writer = new ArrowFileWriter('request', metadata, (bytes) => writeAll(file, bytes))
  }

  /** @param batch rows of `request` that follow those written before */
  writeRequests(batch: Batch): void {
    this.#writer.write(batch)
  }

  /** Some rows of a small table, as an Arrow file in the metadata of a batch without rows. */
  writePart(table: TableName, batch: Batch): void {
    const bytes: Uint8Array[] = []
    const part = new ArrowFileWriter(table, new Map(), (piece) => bytes.push(piece.slice()))
    part.write(batch)
    part.finish()
    const text = Buffer.concat(bytes).toString('base64')
    if (text.length > MAX_PART_BYTES && batch.rowCount > 1) {
      const half = Math.ceil(batch.rowCount / 2)
      this.writePart(table, sliceRows(table, batch, 0, half))
      this.writePart(table, sliceRows(table, batch, half, batch.rowCount))
      return
    }
    this.#writer.write(
      EMPTY,
      new Map([
        [ARROW_KEYS.table, table],
        [ARROW_KEYS.part, text],
      ]),
    )
  }

  /** The end mark, and Arrow's own footer. */
  finish(header: TraceHeader): void {
    this.#writer.write(EMPTY, new Map([[ARROW_KEYS.end, formatHeader(header)]]))
    this.#writer.finish()
    closeSync(this.#file)
  }

  abandon(): void {
    closeSync(this.#file)
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}
