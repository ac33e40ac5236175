/** Reads one SQLite trace, closed or live, as of one moment. Effects: reads the file. */
import { TraceError } from '../base/errors.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow } from './columns.ts'
import { parseHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { keepWithin } from './limits.ts'
import { BlockGuard, OrderGuard } from './row-order.ts'
import { openForReading, sqliteProblem, type Connection } from './sqlite.ts'
import { PAGE_ORDERS, TableScanner, type PageOrder } from './sqlite-scan.ts'
import { batchToRows, columnsOf, pickColumns, type Batch } from './table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

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
  readonly #scanner: TableScanner
  readonly #isOrderedBySeq: boolean

  constructor(
    path: string,
    connection: Connection,
    header: TraceHeader,
    parts: ReadonlyMap<string, string>,
  ) {
    this.#path = path
    this.#connection = connection
    this.#scanner = new TableScanner(path, connection)
    this.header = header
    this.isComplete = parts.has('end')
    this.#isOrderedBySeq = parts.has('order')
  }

  async *requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    const keys = [...new Set<RequestColumn>(['atUs', 'seq', ...columns])]
    const order = this.#isOrderedBySeq ? PAGE_ORDERS.BY_SEQ : PAGE_ORDERS.BY_TIME
    const guard = new OrderGuard(this.#path)
    let total = 0
    for (const batch of this.#scanner.batches('request', pickColumns('request', keys), order)) {
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
    const guard = new BlockGuard(this.#path, this.header.counts?.block)
    let total = 0
    for (const batch of this.#scanner.batches('block', columnsOf('block'), PAGE_ORDERS.BY_ROWID)) {
      total += batch.rowCount
      keepWithin('MAX_BLOCKS', total, this.#path)
      guard.check(batch)
      yield batch as unknown as BlockBatch
    }
  }

  async events(): Promise<EventRow[]> {
    return this.#rows('event', PAGE_ORDERS.BY_EVENT, 'MAX_EVENTS')
  }

  async gaps(): Promise<GapRow[]> {
    return this.#rows('gap', PAGE_ORDERS.BY_GAP, 'MAX_GAPS')
  }

  async *samples(): AsyncIterable<SampleRow[]> {
    let total = 0
    for (const batch of this.#scanner.batches(
      'sample',
      columnsOf('sample'),
      PAGE_ORDERS.BY_EVENT,
    )) {
      total += batch.rowCount
      keepWithin('MAX_SAMPLES', total, this.#path)
      yield batchToRows('sample', batch)
    }
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  #rows<T extends 'event' | 'gap'>(table: T, order: PageOrder, limit: 'MAX_EVENTS' | 'MAX_GAPS') {
    const rows = []
    for (const batch of this.#scanner.batches(table, columnsOf(table), order)) {
      rows.push(...batchToRows(table, batch))
      keepWithin(limit, rows.length, this.#path)
    }
    return rows
  }
}
