/**
 * Looks through an Arrow file of any schema before apache-arrow reads it: that package takes lengths in
 * the metadata as they come, so a damaged one could keep it busy for ever. Pure.
 */
import {
  messageAt,
  messageOffsets,
  nextPlace,
  readFooter,
  unreadable,
  type ByteSource,
} from './arrow-file.ts'
import type { FlatTable } from './flat-table.ts'
import { keepWithin } from './limits.ts'

const HEADER_DICTIONARY = 2
const HEADER_RECORD_BATCH = 3
const MAX_DEPTH = 16

/** @throws TraceError TRACE_UNREADABLE where a message is damaged or beyond the limits */
export function checkFrames(source: ByteSource): void {
  const footer = readFooter(source)
  for (const field of footer.table(1)?.tables(1) ?? []) checkField(source, field, 0)
  const offsets = messageOffsets(footer)
  keepWithin('MAX_MESSAGES', offsets.length, source.path)
  if (new Set(offsets).size < offsets.length) throw unreadable(source, 'a batch stands twice')
  for (const offset of offsets) {
    const place = nextPlace(source, offset)
    if (place === null) throw unreadable(source, 'its footer points outside its messages')
    checkMessage(source, messageAt(source, place), place.bodyBytes)
  }
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
