/** One row of a batch, with null where nothing is known. Pure. */
import type { RequestColumn, RequestRow } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'

export type RowView<K extends RequestColumn> = Pick<RequestRow, K>

/** Rows as objects, for formats that are written row by row. */
export async function* rowViews<K extends RequestColumn>(
  reader: TraceReader,
  columns: readonly K[],
): AsyncGenerator<RowView<K>> {
  for await (const batch of reader.requests(columns)) {
    for (let row = 0; row < batch.rowCount; row += 1) yield viewOf(batch, columns, row)
  }
}

function viewOf<K extends RequestColumn>(
  batch: RequestBatch<K>,
  columns: readonly K[],
  row: number,
): RowView<K> {
  const cells = columns.map((name) => {
    const value = batch.columns[name][row]
    const isNull = value === undefined || value === 0n || Number.isNaN(value)
    return [name, isNull ? null : value] as const
  })
  return Object.fromEntries(cells) as unknown as RowView<K>
}
