/** Any rows of all tables as a trace in memory, in batches of a chosen size. */
import type {
  BlockRow,
  EventRow,
  GapRow,
  RequestColumn,
  RequestRow,
  SampleRow,
} from '../../src/trace/columns.ts'
import { newHeader } from '../../src/trace/header.ts'
import {
  newData,
  pickColumns,
  rowsToBatch,
  sortRequests,
  type Batch,
} from '../../src/trace/table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from '../../src/trace/trace.ts'

export type TableRows = Readonly<{
  request?: readonly Partial<RequestRow>[]
  block?: readonly BlockRow[]
  event?: readonly EventRow[]
  gap?: readonly GapRow[]
  sample?: readonly SampleRow[]
}>

export function rowsTrace(tables: TableRows, batchRows = 1_000): TraceReader {
  const { request = [], block = [], event = [], gap = [], sample = [] } = tables
  const sorted = request.toSorted(
    (a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.seq ?? 0) - (b.seq ?? 0),
  )
  return {
    header: newHeader('synthetic'),
    isComplete: true,
    async *requests<K extends RequestColumn>(keys: readonly K[]) {
      for (const rows of slices(sorted, batchRows)) {
        const batch = sortRequests(rowsToBatch('request', rows))
        const columns = pickColumns('request', keys).map(
          ({ key, type }) => [key, batch.columns[key] ?? newData(type, rows.length)] as const,
        )
        yield { rowCount: rows.length, columns: Object.fromEntries(columns) } as RequestBatch<K>
      }
    },
    async *blocks() {
      for (const rows of slices(block, batchRows)) {
        yield withAllColumns(rowsToBatch('block', rows)) as unknown as BlockBatch
      }
    },
    events: async () => [...event],
    gaps: async () => [...gap],
    async *samples() {
      yield* slices(
        sample.toSorted((a, b) => a.atUs - b.atUs),
        batchRows,
      )
    },
    close: async () => {},
  }
}

function withAllColumns({ rowCount, columns }: Batch): Batch {
  const parent = columns['parent'] ?? newData('id', rowCount)
  return {
    rowCount,
    columns: { ...columns, parent, tokens: columns['tokens'] ?? newData('int', rowCount) },
  }
}

function slices<T>(rows: readonly T[], size: number): T[][] {
  const count = Math.ceil(rows.length / size)
  return Array.from({ length: count }, (_, index) => rows.slice(index * size, (index + 1) * size))
}
