/**
 * Finds the messages of an Arrow file from its beginning, so that a file that was cut off still gives
 * what came before the cut. Pure but for the source it reads. Layout: docs of Apache Arrow, "IPC File".
 */
import { isDeepStrictEqual } from 'node:util'
import { TraceError } from '../base/errors.ts'
import { readMetadata, readSchema, type ArrowSchema } from './arrow-schema.ts'
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

export type ArrowFile = ArrowSchema &
  Readonly<{
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
  const { fields, metadata } = schemaOf(schema.table(2), source)
  const places: ArrowPlace[] = []
  let at = endOf(opening)
  for (let place = nextPlace(source, at); place !== null; place = nextPlace(source, at)) {
    places.push(place)
    keepWithin('MAX_MESSAGES', places.length, source.path)
    at = endOf(place)
  }
  const tail = source.read(Math.max(0, source.sizeBytes - 6), Math.min(6, source.sizeBytes))
  const hasFooter =
    at + PREFIX_BYTES < source.sizeBytes && Buffer.from(tail).toString() === ARROW_MAGIC
  const file = { fields, metadata, places, hasFooter }
  if (hasFooter) checkFooter(source, file)
  return file
}

/** @throws TraceError for a column of a type that no trace has */
function schemaOf(table: FlatTable | null, source: ByteSource): ArrowSchema {
  const schema = readSchema(table)
  if (schema === null) throw foreign(source)
  return schema
}

/** The footer's length and the closing magic. */
const TAIL_BYTES = 10
/** One entry of the footer's lists: offset, length of the metadata, length of the body. */
const BLOCK_BYTES = 24

/** It has the schema once more, and where the messages lie: all that other readers go by. */
export function readFooter(source: ByteSource): FlatTable {
  const tail = Buffer.from(source.read(Math.max(0, source.sizeBytes - TAIL_BYTES), TAIL_BYTES))
  const length = tail.length === TAIL_BYTES ? tail.readInt32LE(0) : 0
  const at = source.sizeBytes - TAIL_BYTES - length
  if (tail.toString('latin1', 4) !== ARROW_MAGIC || length <= 0 || at < 0) {
    throw unreadable(source, 'cut off before its footer')
  }
  return FlatTable.root(source.read(at, length))
}

export function messageOffsets(footer: FlatTable): number[] {
  return [2, 3].flatMap((blocks) => [...footer.firstSizes(blocks, BLOCK_BYTES)])
}

/** pandas and the like read by the footer: they shall see the trace that is read, and verified, here. */
function checkFooter(source: ByteSource, { fields, metadata, places }: ArrowFile): void {
  const footer = readFooter(source)
  const isSame =
    isDeepStrictEqual(schemaOf(footer.table(1), source), { fields, metadata }) &&
    isDeepStrictEqual(
      messageOffsets(footer),
      places.map(({ offset }) => offset),
    )
  if (!isSame) throw unreadable(source, 'its footer is not that of the rest of it')
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
