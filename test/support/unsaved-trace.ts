/** A trace that never was a file, with all its tables, for tests of what reads traces. */
import type { BlockRow, EventRow, GapRow, RequestRow, SampleRow } from '../../src/trace/columns.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import { newData, pickColumns, rowsToBatch } from '../../src/trace/table.ts'
import type { TraceReader } from '../../src/trace/trace.ts'

export type UnsavedTrace = Readonly<{
  kind?: TraceHeader['kind']
  header?: Partial<TraceHeader>
  requests: readonly Partial<RequestRow>[]
  blocks?: readonly BlockRow[]
  events?: readonly EventRow[]
  gaps?: readonly GapRow[]
  samples?: readonly SampleRow[]
  isComplete?: boolean
}>

/** Rows get a `seq` and an endpoint if they have none; order is by (atUs, seq), as in any reader. */
export function unsavedTrace(trace: UnsavedTrace): TraceReader {
  const requests = trace.requests
    .map((row, index) => ({ seq: index, endpoint: 'chat', atUs: 0, ...row }))
    .toSorted((a, b) => a.atUs - b.atUs || a.seq - b.seq)
  return {
    header: { ...newHeader(trace.kind ?? 'recorded', {}), ...trace.header },
    isComplete: trace.isComplete ?? true,
    async *requests(keys) {
      // Several batches, so that no code relies on one.
      for (let from = 0; from < requests.length; from += 1_000) {
        yield batchOf('request', requests.slice(from, from + 1_000), keys) as never
      }
    },
    async *blocks() {
      yield batchOf('block', trace.blocks ?? [], ['id', 'parent', 'tokens']) as never
    },
    events: async () => [...(trace.events ?? [])],
    gaps: async () => [...(trace.gaps ?? [])],
    async *samples() {
      yield [...(trace.samples ?? [])]
    },
    close: async () => {},
  }
}

function batchOf(table: 'request' | 'block', rows: readonly object[], keys: readonly string[]) {
  const { columns } = rowsToBatch(table, rows)
  return {
    rowCount: rows.length,
    columns: Object.fromEntries(
      pickColumns(table, keys).map(({ key, type }) => [
        key,
        columns[key] ?? newData(type, rows.length),
      ]),
    ),
  }
}
