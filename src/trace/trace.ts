/** What every container of a trace offers to read and to write. Types only; see `open.ts`. */
import type {
  BlockRow,
  ColumnsOf,
  EventRow,
  GapRow,
  RequestColumn,
  RequestRow,
  SampleRow,
  TableName,
} from './columns.ts'
import type { TraceHeader } from './header.ts'
import type { Batch } from './table.ts'

/** So many rows of `request`, column by column. Arrays may be longer than `rowCount`: use it. */
export type RequestBatch<K extends RequestColumn = RequestColumn> = Readonly<{
  rowCount: number
  columns: ColumnsOf<'request', K>
}>

/** Some columns of `request`; an absent one is null in every row. */
export type RequestColumns = Partial<ColumnsOf<'request', RequestColumn>>

export type BlockBatch = Readonly<{
  rowCount: number
  columns: ColumnsOf<'block', keyof BlockRow>
}>

export interface TraceReader {
  readonly header: TraceHeader
  /** False where the file has no end mark: cut off, still being written, or its writer was killed. */
  readonly isComplete: boolean
  /** Rows in (at_us, seq) order, only the columns asked for. A batch's arrays may be reused: copy what stays. */
  requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>>
  /** Parents come before their children. */
  blocks(): AsyncIterable<BlockBatch>
  events(): Promise<EventRow[]>
  gaps(): Promise<GapRow[]>
  samples(): AsyncIterable<SampleRow[]>
  close(): Promise<void>
}

/** Writes one trace to a temporary file; `finish` makes it appear under its name, whole or not at all. */
export interface TraceWriter {
  /** Rows in any order; a missing column is null. */
  addRequests(rows: readonly Partial<RequestRow>[]): Promise<void>
  /** The same, column by column, for a million rows. */
  addRequestBatch(batch: Readonly<{ rowCount: number; columns: RequestColumns }>): Promise<void>
  /** Rows of any table, column by column, as a reader gives them. */
  addBatch(table: TableName, batch: Batch): Promise<void>
  /** An id that was added before is ignored; parents come before their children. */
  addBlocks(rows: readonly BlockRow[]): Promise<void>
  addEvents(rows: readonly EventRow[]): Promise<void>
  addGaps(rows: readonly GapRow[]): Promise<void>
  addSamples(rows: readonly SampleRow[]): Promise<void>
  /** @param changes header fields known only now; counts and digest are added by the writer */
  finish(changes?: Partial<TraceHeader>): Promise<void>
  /** Removes what was written so far. */
  abandon(): Promise<void>
}
