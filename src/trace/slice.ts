/** A part of a trace as a trace of its own. Effects: reads and writes files. */
import { TraceError } from '../base/errors.ts'
import { REQUEST_COLUMN_NAMES } from './columns.ts'
import { writeTrace } from './create.ts'
import { GrowingBlocks } from './growing-blocks.ts'
import { openTrace } from './open.ts'
import { describeSelection, selectedRows, type Selection } from './selection.ts'
import { gatherRows, type Batch } from './table.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

export type SliceOptions = Readonly<{
  input: string
  output: string
  selection: Selection
  isForced: boolean
}>

export type SliceSummary = Readonly<{ rowCount: number; readCount: number; digest: string }>

/**
 * Times stay as they are, counted from the same origin. Of the other tables what falls into the window
 * is kept, and of `block` the chains of the rows that are kept.
 *
 * @throws TraceError EMPTY_WINDOW if no row is kept; nothing is written then
 */
export async function sliceTrace(options: SliceOptions): Promise<SliceSummary> {
  const reader = await openTrace(options.input)
  try {
    const { header } = reader
    const applied = { name: 'slice', arguments: describeSelection(options.selection) }
    const transforms = [...header.transforms, applied]
    const changed = { ...header, transforms, signatures: [] }
    const counts = await writeTrace(options.output, changed, options.isForced, async (writer) => {
      const copied = await copySelected(reader, writer, options.selection)
      if (copied.rowCount > 0) return copied
      throw new TraceError('EMPTY_WINDOW', `no request of ${options.input} is in the window`)
    })
    return { ...counts, digest: await headerDigest(options.output) }
  } finally {
    await reader.close()
  }
}

async function headerDigest(path: string): Promise<string> {
  const reader = await openTrace(path)
  await reader.close()
  return reader.header.rowDigest ?? ''
}

async function copySelected(reader: TraceReader, writer: TraceWriter, selection: Selection) {
  const leaves = new Set<bigint>()
  let originUs: number | null = null
  let rowCount = 0
  let readCount = 0
  for await (const batch of reader.requests(REQUEST_COLUMN_NAMES)) {
    originUs ??= batch.columns.atUs[0] ?? 0
    const places = selectedRows(batch, selection, originUs).slice(0, selection.limit - rowCount)
    readCount += batch.rowCount
    if (places.length === 0) continue
    const kept = gatherRows('request', batch, places)
    rowCount += kept.rowCount
    addLeaves(leaves, kept)
    await writer.addRequestBatch(kept)
  }
  await copyChains(reader, writer, leaves)
  const begin = (originUs ?? 0) + selection.fromUs
  const end = (originUs ?? 0) + selection.toUs
  const isIn = ({ atUs }: { atUs: number }) => atUs >= begin && atUs < end
  await writer.addEvents((await reader.events()).filter(isIn))
  const gaps = await reader.gaps()
  await writer.addGaps(gaps.filter(({ fromUs, toUs }) => toUs >= begin && fromUs < end))
  for await (const rows of reader.samples()) await writer.addSamples(rows.filter(isIn))
  return { rowCount, readCount }
}

function addLeaves(leaves: Set<bigint>, { columns, rowCount }: Batch): void {
  for (const key of ['prefixLeaf', 'answerLeaf']) {
    const ids = columns[key] as BigUint64Array
    for (let row = 0; row < rowCount; row += 1) leaves.add(ids[row] ?? 0n)
  }
}

async function copyChains(
  reader: TraceReader,
  writer: TraceWriter,
  leaves: ReadonlySet<bigint>,
): Promise<void> {
  const blocks = new GrowingBlocks()
  for await (const batch of reader.blocks()) blocks.add(batch)
  for (const batch of blocks.chains(leaves)) await writer.addBatch('block', batch)
}
