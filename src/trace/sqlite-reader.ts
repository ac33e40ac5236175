/** Reads one SQLite trace, closed or live, as of one moment. Effects: reads the file. */
import { TraceError } from '../base/errors.ts'
import type {
  ColumnType,
  EventRow,
  GapRow,
  RequestColumn,
  SampleRow,
  TableName,
} from './columns.ts'
import { parseHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { LIMITS, keepWithin } from './limits.ts'
import { BlockGuard, OrderGuard } from './row-order.ts'
import { openForReading, sqliteProblem, type Connection } from './sqlite.ts'
import {
  batchToRows,
  columnsOf,
  newData,
  pickColumns,
  type Batch,
  type ColumnEntry,
} from './table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

const BATCH_ROWS = 16_384

/** @param path an SQLite file; one snapshot of it is read until `close` */
export function readSqlite(path: string): TraceReader {
  const connection = openForReading(path)
  try {
    // The snapshot begins with the first read after BEGIN: the header's.
    connection.exec('BEGIN')
    const parts = headerParts(connection)
    const json = parts.get('end') ?? parts.get('start')
    if (json === undefined) throw new TraceError('TRACE_UNREADABLE', `${path} has no header`)
    return new SqliteReader(path, connection, parseHeader(json), parts)
  } catch (error) {
    connection.close()
    throw sqliteProblem(error, path)
  }
}

function headerParts(connection: Connection): Map<string, string> {
  const rows = connection.prepare('SELECT part, json FROM header LIMIT 8').raw().all()
  return new Map(rows as [string, string][])
}

class SqliteReader implements TraceReader {
  readonly header: TraceHeader
  readonly isComplete: boolean
  readonly #path: string
  readonly #connection: Connection
  readonly #isOrderedBySeq: boolean

  constructor(
    path: string,
    connection: Connection,
    header: TraceHeader,
    parts: ReadonlyMap<string, string>,
  ) {
    this.#path = path
    this.#connection = connection
    this.header = header
    this.isComplete = parts.has('end')
    this.#isOrderedBySeq = parts.has('order')
  }

  async *requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    const keys = [...new Set<RequestColumn>(['atUs', 'seq', ...columns])]
    const order = this.#isOrderedBySeq ? 'seq' : 'at_us, seq'
    const guard = new OrderGuard(this.#path)
    let total = 0
    for (const batch of this.#scan('request', pickColumns('request', keys), order)) {
      total += batch.rowCount
      keepWithin('MAX_ROWS', total, this.#path)
      const { atUs, seq } = batch.columns as Record<string, Float64Array>
      guard.check(atUs as Float64Array, seq as Float64Array, batch.rowCount)
      this.#endOpenRows(batch)
      yield batch as RequestBatch<K>
    }
  }

  /** Nobody saw these requests end: the writer was killed, or they are still under way. */
  #endOpenRows(batch: Batch): void {
    const outcomes = batch.columns['outcome'] as (string | null)[] | undefined
    if (outcomes === undefined || this.isComplete || this.header.kind !== 'recorded') return
    for (let index = 0; index < batch.rowCount; index += 1) outcomes[index] ??= 'unobserved_end'
  }

  async *blocks(): AsyncIterable<BlockBatch> {
    const guard = new BlockGuard(this.#path)
    let total = 0
    for (const batch of this.#scan('block', columnsOf('block'), 'rowid')) {
      total += batch.rowCount
      keepWithin('MAX_BLOCKS', total, this.#path)
      guard.check(batch)
      yield batch as unknown as BlockBatch
    }
  }

  async events(): Promise<EventRow[]> {
    return this.#rows('event', 'at_us, kind, detail', 'MAX_EVENTS')
  }

  async gaps(): Promise<GapRow[]> {
    return this.#rows('gap', 'from_us, to_us, reason, count', 'MAX_GAPS')
  }

  async *samples(): AsyncIterable<SampleRow[]> {
    let total = 0
    for (const batch of this.#scan('sample', columnsOf('sample'), 'at_us, metric, labels, value')) {
      total += batch.rowCount
      keepWithin('MAX_SAMPLES', total, this.#path)
      yield batchToRows('sample', batch)
    }
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  #rows<T extends 'event' | 'gap'>(table: T, order: string, limit: 'MAX_EVENTS' | 'MAX_GAPS') {
    const rows = []
    for (const batch of this.#scan(table, columnsOf(table), order)) {
      rows.push(...batchToRows(table, batch))
      keepWithin(limit, rows.length, this.#path)
    }
    return rows
  }

  *#scan(table: TableName, columns: readonly ColumnEntry[], order: string): Generator<Batch> {
    const cells = columns.flatMap(({ file, type }) => cellsOf(file, type)).join(', ')
    const fill = columns.map((column, index) =>
      fillerOf(column, placeOf(columns, index), this.#path),
    )
    try {
      const rows = this.#connection
        .prepare(`SELECT ${cells} FROM ${table} ORDER BY ${order}`)
        .raw()
        .iterate() as IterableIterator<Cell[]>
      let data = columns.map(({ type }) => newData(type, BATCH_ROWS))
      let rowCount = 0
      for (const row of rows) {
        for (let index = 0; index < fill.length; index += 1)
          fill[index]?.(row, data[index], rowCount)
        rowCount += 1
        if (rowCount < BATCH_ROWS) continue
        yield batchOf(columns, data, rowCount)
        data = columns.map(({ type }) => newData(type, BATCH_ROWS))
        rowCount = 0
      }
      if (rowCount > 0) yield batchOf(columns, data, rowCount)
    } catch (error) {
      throw sqliteProblem(error, this.#path)
    }
  }
}

function batchOf(
  columns: readonly ColumnEntry[],
  data: readonly unknown[],
  rowCount: number,
): Batch {
  const entries = columns.map(({ key }, index) => [key, data[index]])
  return { rowCount, columns: Object.fromEntries(entries) as Batch['columns'] }
}

type Cell = number | string | Uint8Array | null
type Filler = (row: Cell[], data: unknown, index: number) => void

/** 64-bit ids come as two halves, because a BigInt for every integer of a row would be slow. */
function cellsOf(file: string, type: ColumnType): string[] {
  return type === 'id' ? [`${file} >> 32`, `${file} & 4294967295`] : [file]
}

function placeOf(columns: readonly ColumnEntry[], index: number): number {
  const before = columns.slice(0, index)
  return before.reduce((sum, { file, type }) => sum + cellsOf(file, type).length, 0)
}

function fillerOf({ file, type }: ColumnEntry, place: number, path: string): Filler {
  switch (type) {
    case 'id':
      return (row, data, index) => {
        const halves = new Uint32Array((data as BigUint64Array).buffer, index * 8, 2)
        halves[1] = row[place] as number
        halves[0] = row[place + 1] as number
      }
    case 'int':
    case 'flag':
      return (row, data, index) => {
        const value = row[place] ?? null
        if (value === null) return
        if (!Number.isSafeInteger(value)) {
          throw new TraceError('TRACE_UNREADABLE', `${path}: ${file} holds more than 2^53`)
        }
        ;(data as Float64Array)[index] = value as number
      }
    case 'real':
      return (row, data, index) => {
        const value = row[place] ?? null
        if (value !== null) (data as Float64Array)[index] = value as number
      }
    case 'text':
    case 'json':
    case 'bytes':
    default: {
      const limit = type === 'bytes' ? 'MAX_BLOB_BYTES' : 'MAX_TEXT_BYTES'
      return (row, data, index) => {
        const value = row[place] ?? null
        if (value !== null && (value as string).length > LIMITS[limit]) {
          keepWithin(limit, (value as string).length, path)
        }
        ;(data as Cell[])[index] = value
      }
    }
  }
}
