/** One trace's rows into another place. Effects: only through reader and writer. */
import { REQUEST_COLUMN_NAMES, type TableName } from './columns.ts'
import { rowsToBatch, type Batch } from './table.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

/** Takes batches of any table. */
type Take = (table: TableName, batch: Batch) => unknown

/** Everything but the header, which `createTrace` was given. The writer is not finished. */
export async function copyTrace(reader: TraceReader, writer: TraceWriter): Promise<void> {
  await copyInto(reader, (table, batch) => writer.addBatch(table, batch))
}

/** Every batch of every table, requests first. */
export async function copyInto(reader: TraceReader, take: Take): Promise<void> {
  for await (const batch of reader.requests(REQUEST_COLUMN_NAMES)) await take('request', batch)
  await copyOthers(reader, take)
}

/** Every batch of every table but `request`. */
export async function copyOthers(reader: TraceReader, take: Take): Promise<void> {
  for await (const batch of reader.blocks()) await take('block', batch)
  await take('event', rowsToBatch('event', await reader.events()))
  await take('gap', rowsToBatch('gap', await reader.gaps()))
  for await (const rows of reader.samples()) await take('sample', rowsToBatch('sample', rows))
}
