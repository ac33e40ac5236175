/** One trace's rows into another file. Effects: only through reader and writer. */
import type { RequestColumn } from './columns.ts'
import { columnsOf, batchToRows, type Batch } from './table.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

/** Everything but the header, which `createTrace` was given. The writer is not finished. */
export async function copyTrace(reader: TraceReader, writer: TraceWriter): Promise<void> {
  const keys = columnsOf('request').map(({ key }) => key as RequestColumn)
  for await (const batch of reader.requests(keys)) await writer.addRequestBatch(batch)
  for await (const batch of reader.blocks()) {
    await writer.addBlocks(batchToRows('block', batch as Batch))
  }
  await writer.addEvents(await reader.events())
  await writer.addGaps(await reader.gaps())
  for await (const rows of reader.samples()) await writer.addSamples(rows)
}
