/** Rows of all tables into a file, and everything of a trace out of one. */
import type { RequestColumn } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import { batchToRows, columnsOf } from '../../src/trace/table.ts'
import type { TraceReader } from '../../src/trace/trace.ts'
import type { TableRows } from './rows-trace.ts'

export async function writeTables(
  path: string,
  tables: TableRows,
  header: Partial<TraceHeader> = {},
): Promise<void> {
  const writer = await createTrace(path, newHeader('synthetic', header), { force: true })
  await writer.addBlocks(tables.block ?? [])
  await writer.addRequests(tables.request ?? [])
  await writer.addEvents(tables.event ?? [])
  await writer.addGaps(tables.gap ?? [])
  await writer.addSamples(tables.sample ?? [])
  await writer.finish()
}

export async function readTables(reader: TraceReader): Promise<Required<TableRows>> {
  const keys = columnsOf('request').map(({ key }) => key as RequestColumn)
  const request = []
  for await (const batch of reader.requests(keys)) request.push(...batchToRows('request', batch))
  const block = []
  for await (const batch of reader.blocks()) block.push(...batchToRows('block', batch))
  const sample = []
  for await (const rows of reader.samples()) sample.push(...rows)
  return { request, block, event: await reader.events(), gap: await reader.gaps(), sample }
}
