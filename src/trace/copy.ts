/** One trace's rows into another place. Effects: only through reader and writer. */
import type { RequestColumn, TableName } from './columns.ts'
import { batchToRows, columnsOf, rowsToBatch, type Batch } from './table.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

/** Everything but the header, which `createTrace` was given. The writer is not finished. */
export async function copyTrace(reader: TraceReader, writer: TraceWriter): Promise<void> {
  await copyInto(reader, async (table, batch) => addTo(writer, table, batch))
}

/** Every batch of every table, requests first, to a function that takes them. */
export async function copyInto(
  reader: TraceReader,
  take: (table: TableName, batch: Batch) => unknown,
): Promise<void> {
  const keys = columnsOf('request').map(({ key }) => key as RequestColumn)
  for await (const batch of reader.requests(keys)) await take('request', batch)
  for await (const batch of reader.blocks()) await take('block', batch)
  await take('event', rowsToBatch('event', await reader.events()))
  await take('gap', rowsToBatch('gap', await reader.gaps()))
  for await (const rows of reader.samples()) await take('sample', rowsToBatch('sample', rows))
}

async function addTo(writer: TraceWriter, table: TableName, batch: Batch): Promise<void> {
  switch (table) {
    case 'request':
      return writer.addRequestBatch(batch)
    case 'block':
      return writer.addBlocks(batchToRows('block', batch))
    case 'event':
      return writer.addEvents(batchToRows('event', batch))
    case 'gap':
      return writer.addGaps(batchToRows('gap', batch))
    case 'sample':
    default:
      return writer.addSamples(batchToRows('sample', batch))
  }
}
