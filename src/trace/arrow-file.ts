/**
 * Finds the messages of an Arrow file from its beginning, so that a file that was cut off still gives
 * what came before the cut. Pure but for the source it reads. Layout: docs of Apache Arrow, "IPC File".
 */
import { TraceError } from '../base/errors.ts'
import type { ColumnType } from './columns.ts'
import { FlatTable } from './flat-table.ts'
import { keepWithin } from './limits.ts'

export const ARROW_MAGIC = 'ARROW1'

/** Bytes by place: a file or a part of a table in memory. */
export type ByteSource = Readonly<{
  path: string
  sizeBytes: number
  /** Exactly so many bytes; the caller has compared with `sizeBytes`. */
  read(offset: number, lengthBytes: number): Uint8Array
}>

export type ArrowField = Readonly<{
  name: string
  kind: ArrowKind
  isNullable: boolean
  /** Texts and bytes have offsets of 64 bits, as pandas and polars write them, not of 32. */
  isLarge: boolean
}>

/** How a column is stored, and so which of our types it can carry. */
export type ArrowKind = 'int64' | 'uint64' | 'double' | 'bool' | 'utf8' | 'binary'

export const KIND_OF: Readonly<Record<ColumnType, ArrowKind>> = {
  int: 'int64',
  real: 'double',
  flag: 'bool',
  id: 'uint64',
  text: 'utf8',
  json: 'utf8',
  bytes: 'binary',
}

export type ArrowBatch = Readonly<{
  rowCount: number
  bodyOffset: number
  bodyBytes: number
  isCompressed: boolean
  /** Pairs (length, null count), one for each field. */
  nodes: Float64Array
  /** Pairs (offset in the body, length). */
  buffers: Float64Array
  metadata: ReadonlyMap<string, string>
}>

/** Where one message lies. */
export type ArrowPlace = Readonly<{ offset: number; metadataBytes: number; bodyBytes: number }>

export type ArrowFile = Readonly<{
  fields: readonly ArrowField[]
  metadata: ReadonlyMap<string, string>
  places: readonly ArrowPlace[]
  /** The footer's closing magic is there. */
  hasFooter: boolean
}>

const HEADER_SCHEMA = 1
const HEADER_RECORD_BATCH = 3
/** After the magic and its padding. */
const FIRST_MESSAGE = 8
const PREFIX_BYTES = 8
const CONTINUATION = 0xffff_ffff
const CODEC_ZSTD = 1

/** @throws TraceError TRACE_UNREADABLE if it is no Arrow file, or damaged other than at its end */
export function scanArrow(source: ByteSource): ArrowFile {
  const opening = openingPlace(source)
  if (opening === null) throw unreadable(source, 'cut off before its first batch')
  const schema = messageAt(source, opening)
  if (schema.byte(1) !== HEADER_SCHEMA) throw foreign(source)
  const header = schema.table(2)
  const places: ArrowPlace[] = []
  let at = endOf(opening)
  for (let place = nextPlace(source, at); place !== null; place = nextPlace(source, at)) {
    places.push(place)
    keepWithin('MAX_MESSAGES', places.length, source.path)
    at = endOf(place)
  }
  const tail = source.read(Math.max(0, source.sizeBytes - 6), Math.min(6, source.sizeBytes))
  return {
    fields: (header?.tables(1) ?? []).map((field) => readField(field, source)),
    metadata: readMetadata(header?.tables(2) ?? []),
    places,
    hasFooter: at + PREFIX_BYTES < source.sizeBytes && Buffer.from(tail).toString() === ARROW_MAGIC,
  }
}

/** Other programs may have something else there: the footer has the schema once more. */
function openingPlace(source: ByteSource): ArrowPlace | null {
  if (source.sizeBytes < FIRST_MESSAGE + PREFIX_BYTES) return null
  const first = source.read(FIRST_MESSAGE, 4)
  if (!first.every((byte) => byte === 0xff)) throw foreign(source)
  return nextPlace(source, FIRST_MESSAGE)
}

export function endOf({ offset, metadataBytes, bodyBytes }: ArrowPlace): number {
  return offset + PREFIX_BYTES + metadataBytes + bodyBytes
}

/** @returns null at the end of the stream, or where the next message is not wholly there */
export function nextPlace(source: ByteSource, offset: number): ArrowPlace | null {
  if (offset + PREFIX_BYTES > source.sizeBytes) return null
  const prefix = source.read(offset, PREFIX_BYTES)
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES)
  if (view.getUint32(0, true) !== CONTINUATION) {
    throw unreadable(source, `damaged at byte ${offset}`)
  }
  const metadataBytes = view.getUint32(4, true)
  if (metadataBytes === 0) return null
  keepWithin('MAX_MESSAGE_BYTES', metadataBytes, source.path)
  if (offset + PREFIX_BYTES + metadataBytes > source.sizeBytes) return null
  const place = { offset, metadataBytes, bodyBytes: 0 }
  const bodyBytes = messageAt(source, place).size(3)
  if (bodyBytes > source.sizeBytes - offset - PREFIX_BYTES - metadataBytes) return null
  return { offset, metadataBytes, bodyBytes }
}

export function messageAt(source: ByteSource, { offset, metadataBytes }: ArrowPlace): FlatTable {
  return FlatTable.root(source.read(offset + PREFIX_BYTES, metadataBytes))
}

/** The description of one batch; its body is not read yet. */
export function readBatch(source: ByteSource, place: ArrowPlace): ArrowBatch {
  const message = messageAt(source, place)
  const header = message.table(2)
  if (message.byte(1) !== HEADER_RECORD_BATCH || header === null) {
    throw unreadable(source, `an unexpected message at byte ${place.offset}`)
  }
  const rowCount = header.size(0)
  keepWithin('MAX_BATCH_ROWS', rowCount, source.path)
  const compression = header.table(3)
  if (compression !== null && compression.byte(0) !== CODEC_ZSTD) {
    throw new TraceError('TRACE_UNREADABLE', `${source.path}: compressed, but not with zstd`, {
      hint: 'Write it again with zstd, or without compression.',
    })
  }
  return {
    rowCount,
    bodyOffset: place.offset + PREFIX_BYTES + place.metadataBytes,
    bodyBytes: place.bodyBytes,
    isCompressed: compression !== null,
    nodes: header.pairs(1),
    buffers: header.pairs(2),
    metadata: readMetadata(message.tables(4)),
  }
}

function readMetadata(pairs: readonly FlatTable[]): Map<string, string> {
  return new Map(pairs.map((pair) => [pair.text(0), pair.text(1)]))
}

const TYPE_INT = 2
const TYPE_DOUBLE = 3
const TYPE_BINARY = 4
const TYPE_UTF8 = 5
const TYPE_BOOL = 6
const TYPE_LARGE_BINARY = 19
const TYPE_LARGE_UTF8 = 20
const PRECISION_DOUBLE = 2

function readField(field: FlatTable, source: ByteSource): ArrowField {
  const type = field.byte(2)
  const kind = readKind(type, field.table(3))
  if (kind === null || field.table(4) !== null) {
    throw foreign(source)
  }
  const isLarge = type === TYPE_LARGE_BINARY || type === TYPE_LARGE_UTF8
  return { name: field.text(0), kind, isNullable: field.byte(1) !== 0, isLarge }
}

function readKind(type: number, detail: FlatTable | null): ArrowKind | null {
  switch (type) {
    case TYPE_INT:
      if (detail?.int(0) !== 64) return null
      return detail.byte(1) === 1 ? 'int64' : 'uint64'
    case TYPE_DOUBLE:
      return detail?.short(0) === PRECISION_DOUBLE ? 'double' : null
    case TYPE_BINARY:
    case TYPE_LARGE_BINARY:
      return 'binary'
    case TYPE_UTF8:
    case TYPE_LARGE_UTF8:
      return 'utf8'
    case TYPE_BOOL:
      return 'bool'
    default:
      return null
  }
}

/** Written by another program, perhaps from a trace. */
export function foreign({ path }: ByteSource): TraceError {
  return new TraceError('TRACE_UNREADABLE', `${path}: an Arrow file, but not a trace`, {
    hint: '`trace convert IN OUT --format arrow` reads rows that another program wrote.',
  })
}

export function unreadable({ path }: ByteSource, what: string): TraceError {
  return new TraceError('TRACE_UNREADABLE', `${path}: ${what}`)
}

export function memorySource(path: string, bytes: Uint8Array): ByteSource {
  const read = (offset: number, lengthBytes: number) => bytes.subarray(offset, offset + lengthBytes)
  return { path, sizeBytes: bytes.length, read }
}
