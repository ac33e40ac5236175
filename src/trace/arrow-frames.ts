/**
 * Looks through an Arrow file of any schema before apache-arrow reads it: that package takes lengths in
 * the metadata as they come, so a damaged one could keep it busy for ever. Pure.
 */
import { ARROW_MAGIC, messageAt, nextPlace, unreadable, type ByteSource } from './arrow-file.ts'
import { FlatTable } from './flat-table.ts'
import { keepWithin } from './limits.ts'

const HEADER_DICTIONARY = 2
const HEADER_RECORD_BATCH = 3
const MAX_DEPTH = 16
/** The footer's length and the closing magic. */
const TAIL_BYTES = 10
/** One entry of the footer's lists: offset, length of the metadata, length of the body. */
const BLOCK_BYTES = 24

/** @throws TraceError TRACE_UNREADABLE where a message is damaged or beyond the limits */
export function checkFrames(source: ByteSource): void {
  const footer = readFooter(source)
  for (const field of footer.table(1)?.tables(1) ?? []) checkField(source, field, 0)
  const offsets = [2, 3].flatMap((blocks) => [...footer.firstSizes(blocks, BLOCK_BYTES)])
  keepWithin('MAX_MESSAGES', offsets.length, source.path)
  if (new Set(offsets).size < offsets.length) throw unreadable(source, 'a batch stands twice')
  for (const offset of offsets) {
    const place = nextPlace(source, offset)
    if (place === null) throw unreadable(source, 'its footer points outside its messages')
    checkMessage(source, messageAt(source, place), place.bodyBytes)
  }
}

/** It has the schema, and where the messages lie: all that apache-arrow goes by. */
function readFooter(source: ByteSource): FlatTable {
  const tail = Buffer.from(source.read(Math.max(0, source.sizeBytes - TAIL_BYTES), TAIL_BYTES))
  const length = tail.length === TAIL_BYTES ? tail.readInt32LE(0) : 0
  const at = source.sizeBytes - TAIL_BYTES - length
  if (tail.toString('latin1', 4) !== ARROW_MAGIC || length <= 0 || at < 0) {
    throw unreadable(source, 'cut off before its footer')
  }
  return FlatTable.root(source.read(at, length))
}

function checkMessage(source: ByteSource, message: FlatTable, bodyBytes: number): void {
  const header = message.table(2)
  if (header === null) throw unreadable(source, 'a message without a header')
  switch (message.byte(1)) {
    case HEADER_DICTIONARY: {
      const batch = header.table(1)
      if (batch !== null) checkBatch(source, batch, bodyBytes)
      return
    }
    case HEADER_RECORD_BATCH:
      return checkBatch(source, header, bodyBytes)
    default:
      throw unreadable(source, 'a message of an unknown kind')
  }
}

function checkField(source: ByteSource, field: FlatTable, depth: number): void {
  if (depth > MAX_DEPTH) throw unreadable(source, 'columns nested too deeply')
  field.text(0)
  for (const child of field.tables(5)) checkField(source, child, depth + 1)
  for (const pair of field.tables(6)) pair.text(1)
}

function checkBatch(source: ByteSource, batch: FlatTable, bodyBytes: number): void {
  keepWithin('MAX_FOREIGN_ROWS', batch.size(0), source.path)
  for (const length of batch.pairs(1)) keepWithin('MAX_FOREIGN_ROWS', length, source.path)
  const buffers = batch.pairs(2)
  for (let index = 0; index < buffers.length; index += 2) {
    if ((buffers[index] ?? 0) + (buffers[index + 1] ?? 0) > bodyBytes) {
      throw unreadable(source, 'a buffer points outside its batch')
    }
  }
}
