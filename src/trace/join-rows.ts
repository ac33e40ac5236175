/** The rows of several traces into one writer, by time. Effects: only through readers and writer. */
import type { RequestColumn } from './columns.ts'
import { mergeRequests } from './merge.ts'
import { batchToRows, columnsOf } from './table.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

/** @returns how many requests there were */
export async function joinRows(
  readers: readonly TraceReader[],
  writer: TraceWriter,
): Promise<number> {
  const keys = columnsOf('request').map(({ key }) => key as RequestColumn)
  let rowCount = 0
  for await (const batch of mergeRequests(readers, keys)) {
    await writer.addRequestBatch(batch)
    rowCount += batch.rowCount
  }
  for (const reader of readers) {
    for await (const batch of reader.blocks()) {
      await writer.addBlocks(batchToRows('block', batch))
    }
    await writer.addEvents(await reader.events())
    await writer.addGaps(await reader.gaps())
    for await (const rows of reader.samples()) await writer.addSamples(rows)
  }
  return rowCount
}
