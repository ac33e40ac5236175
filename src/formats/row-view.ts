/** One row of a batch, with null where nothing is known. Pure. */
import type { RequestColumn, RequestRow } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { chainFault } from './chains.ts'

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

type Sized = Readonly<{ promptTokens: number; outputTokens: number }>

export type SizedView<K extends RequestColumn> = Omit<RowView<K>, keyof Sized> & Sized

/**
 * The rows that a format of lengths can hold.
 *
 * @param blockTokens of the ids that each row is written with; null where it is written without
 * @param skip told why, for each row that is left out
 */
export async function* sizedRows<K extends RequestColumn>(
  reader: TraceReader,
  columns: readonly (K | keyof Sized)[],
  blockTokens: number | null,
  skip: (reason: string) => void,
): AsyncGenerator<SizedView<K>> {
  for await (const row of rowViews(reader, columns)) {
    const { promptTokens, outputTokens } = row
    if (promptTokens === null || outputTokens === null) {
      skip('a length is not known')
      continue
    }
    const fault = blockTokens === null ? null : chainFault(promptTokens, blockTokens)
    if (fault === null) yield { ...row, promptTokens, outputTokens }
    else skip(fault)
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
