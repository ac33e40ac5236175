/** Several traces as one: side by side, or the shards of one replay joined. Effects: reads and writes files. */
import { TraceError } from '../base/errors.ts'
import { REQUEST_COLUMN_NAMES } from './columns.ts'
import { copyOthers } from './copy.ts'
import { writeTrace } from './create.ts'
import { MappedReader, type Mapping } from './mapped-reader.ts'
import { mergeRequests } from './merge.ts'
import { mergedHeader, shardsHeader } from './merged-header.ts'
import { openTrace } from './open.ts'
import type { TraceReader, TraceWriter } from './trace.ts'

export type MergeOptions = Readonly<{
  inputs: readonly string[]
  output: string
  /** 'wall' puts traces where they stood in time, 'start' lets them all begin together. */
  alignment: Alignment
  isForced: boolean
}>

export const ALIGNMENTS = ['auto', 'wall', 'start'] as const
export type Alignment = (typeof ALIGNMENTS)[number]

export type MergeSummary = Readonly<{
  rowCount: number
  /** How the inputs were put together, in words. */
  how: readonly string[]
}>

/** @throws TraceError BAD_OPTION if they cannot be put together */
export async function mergeTraces(options: MergeOptions): Promise<MergeSummary> {
  if (options.inputs.length < 2) {
    throw new TraceError('BAD_OPTION', 'merge wants two traces or more')
  }
  const readers: TraceReader[] = []
  try {
    for (const path of options.inputs) readers.push(await openTrace(path))
    const shards = shardsOf(readers)
    const { mappings, how } =
      shards === null
        ? await sideBySide(readers, options.alignment)
        : { mappings: null, how: shards }
    const header =
      mappings === null ? shardsHeader(readers) : mergedHeader(readers, mappings, options.inputs)
    const mapped = readers.map((reader, index) => {
      const mapping = mappings?.[index]
      return mapping === undefined ? reader : new MappedReader(reader, mapping)
    })
    const rowCount = await writeTrace(options.output, header, options.isForced, (writer) =>
      joinRows(mapped, writer),
    )
    return { rowCount, how }
  } finally {
    await Promise.all(readers.map(async (reader) => reader.close()))
  }
}

/** @returns how many requests there were */
async function joinRows(readers: readonly TraceReader[], writer: TraceWriter): Promise<number> {
  let rowCount = 0
  for await (const batch of mergeRequests(readers, REQUEST_COLUMN_NAMES)) {
    await writer.addRequestBatch(batch)
    rowCount += batch.rowCount
  }
  for (const reader of readers) {
    await copyOthers(reader, (table, batch) => writer.addBatch(table, batch))
  }
  return rowCount
}

/** @returns what is joined, or null if these are not the shards of one replay */
function shardsOf(readers: readonly TraceReader[]): string[] | null {
  const headers = readers.map(({ header }) => header)
  const [first] = headers
  const count = first?.shard?.count ?? 0
  const isOnePlan =
    first?.planSha256 !== null &&
    headers.every(
      ({ planSha256, shard }) => planSha256 === first?.planSha256 && shard?.count === count,
    )
  if (!isOnePlan) return null
  const indexes = headers.map(({ shard }) => shard?.index ?? 0)
  if (new Set(indexes).size < indexes.length) {
    throw new TraceError('BAD_OPTION', 'two of the traces are the same shard of one replay')
  }
  const missing = Array.from({ length: count }, (_, index) => index).filter(
    (index) => !indexes.includes(index),
  )
  const joined = `${indexes.length} of ${count} shards of one replay, joined by seq`
  return missing.length === 0 ? [joined] : [joined, `shards missing: ${missing.join(', ')}`]
}

async function sideBySide(readers: readonly TraceReader[], alignment: Alignment) {
  const origins = readers.map(({ header }) => header.originWallUs)
  const isKnown = origins.every((origin) => origin !== null)
  if (alignment === 'wall' && !isKnown) {
    throw new TraceError('BAD_OPTION', '--align wall: one of the traces has no wall-clock origin', {
      hint: '--align start lets them begin together.',
    })
  }
  const isWall = isKnown && alignment !== 'start'
  const earliest = isWall ? Math.min(...origins) : 0
  const isShared = haveOneKey(readers)
  const mappings: Mapping[] = []
  let seqBase = 0
  for (const [index, reader] of readers.entries()) {
    const shiftUs = isWall ? (origins[index] ?? 0) - earliest : 0
    mappings.push({ shiftUs, seqBase, apart: isShared ? null : String(index) })
    seqBase += (await maxSeq(reader)) + 1
  }
  const aligned = isWall ? 'aligned by wall clock' : 'begin together (at_us = 0)'
  const ids = isShared ? 'ids of one key: kept' : 'ids, sessions and tenants kept apart'
  return { mappings, how: [aligned, ids] }
}

/** Ids made with one key mean the same in all traces; of any others nobody knows. */
function haveOneKey(readers: readonly TraceReader[]): boolean {
  const [first] = readers
  const keyId = first?.header.hashing.keyId ?? null
  return (
    keyId !== null &&
    readers.every(({ header: { hashing } }) => {
      return hashing.keyId === keyId && hashing.scheme === first?.header.hashing.scheme
    })
  )
}

async function maxSeq(reader: TraceReader): Promise<number> {
  let largest = -1
  for await (const { rowCount, columns } of reader.requests(['seq'])) {
    for (let row = 0; row < rowCount; row += 1) largest = Math.max(largest, columns.seq[row] ?? -1)
  }
  return largest
}
