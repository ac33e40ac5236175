/** Rows of a Parquet file, the named columns only, one run after the other. Effects: reads the file. */
import {
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type AsyncBuffer,
  type ColumnData,
  type Compressors,
  type FileMetaData,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { fileSize, readRange } from '../base/files.ts'
import type { Head } from './head.ts'
import { RowFault } from './row-fault.ts'

/** The path of a file that lies here as it is, else its bytes. */
export type ParquetSource = string | Uint8Array

export type OpenParquet = Readonly<{
  file: AsyncBuffer
  metadata: FileMetaData
  /** Of its columns, as the file has them. */
  names: readonly string[]
}>

/** Rows that follow each other, column by column; a column without a value near them is left out. */
export type ParquetRun = Readonly<{
  rowCount: number
  columns: Readonly<Record<string, readonly unknown[]>>
}>

/** Decoded at a time, of one row group: whole groups of other writers have a million rows. */
const DECODED_ROWS = 65_536
const RUN_ROWS = 8_192
const MAX_ROWS = 500_000_000
/** One page after unpacking; what a file says of itself is not believed beyond this. */
const MAX_PAGE_BYTES = 64_000_000
/** The wanted columns of one row group after unpacking; also the largest part of the file read at once. */
const MAX_GROUP_BYTES = 256_000_000

/** The library's own Date would cut a time at 1 ms. */
const TIMES = {
  timestampFromMilliseconds: (millis: bigint) => isoText(millis * 1_000n),
  timestampFromMicroseconds: isoText,
  timestampFromNanoseconds: (nanos: bigint) => isoText((nanos + 500n) / 1_000n),
}

/** @returns ISO 8601 in UTC, to the µs */
function isoText(us: bigint): string {
  const millis = new Date(Number(us / 1_000n)).toISOString().slice(0, -1)
  return `${millis}${String(us % 1_000n).padStart(3, '0')}Z`
}

export function isParquet({ bytes }: Head): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PAR1'
}

/** @throws RowFault for a file without a sound footer */
export async function openParquet(source: ParquetSource): Promise<OpenParquet> {
  try {
    const file = await rangesOf(source)
    const metadata = await parquetMetadataAsync(file)
    const names = parquetSchema(metadata).children.map(({ element }) => element.name)
    return { file, metadata, names }
  } catch {
    throw new RowFault('its footer cannot be read')
  }
}

async function rangesOf(source: ParquetSource): Promise<AsyncBuffer> {
  const isPath = typeof source === 'string'
  const byteLength = isPath ? ((await fileSize(source)) ?? 0) : source.byteLength
  return {
    byteLength,
    async slice(start, end = byteLength) {
      if (end - start > MAX_GROUP_BYTES) throw new RowFault('a part is larger than may be read')
      const bytes = isPath
        ? await readRange(source, start, end - start)
        : source.subarray(start, end)
      return new Uint8Array(bytes).buffer
    },
  }
}

/** @throws RowFault if the file is damaged, or larger than it may be */
export async function* parquetRuns(
  { file, metadata }: OpenParquet,
  columns: readonly string[],
): AsyncGenerator<ParquetRun> {
  checkSizes(metadata, columns)
  const known = { file, metadata, columns: [...columns], compressors: capped(), parsers: TIMES }
  let groupStart = 0
  for (const { num_rows: groupRows } of metadata.row_groups) {
    const groupEnd = groupStart + Number(groupRows)
    for (let start = groupStart; start < groupEnd; start += DECODED_ROWS) {
      const end = Math.min(start + DECODED_ROWS, groupEnd)
      const decoded = new Map<string, unknown[]>()
      let chunkCount = 0
      const onChunk = (chunk: ColumnData) => {
        chunkCount += 1
        keepRows(decoded, chunk, start, end)
      }
      // The library throws all kinds of errors over damaged bytes, and quotes them.
      const reading = parquetRead({ ...known, rowStart: start, rowEnd: end, onChunk })
      const isRead = await reading.then(() => true).catch(() => false)
      if (!isRead || chunkCount === 0) {
        throw new RowFault(`its data is damaged after row ${start}`)
      }
      yield* runsOf(decoded, end - start)
    }
    groupStart = groupEnd
  }
}

/** Chunks go as far as their pages do. */
function keepRows(
  decoded: Map<string, unknown[]>,
  { columnName, columnData, rowStart }: ColumnData,
  start: number,
  end: number,
): void {
  let values = decoded.get(columnName)
  const last = Math.min(end, rowStart + columnData.length)
  for (let row = Math.max(start, rowStart); row < last; row += 1) {
    const value = columnData[row - rowStart] ?? null
    if (value === null) continue
    values ??= Array<unknown>(end - start).fill(null)
    values[row - start] = value
  }
  if (values !== undefined) decoded.set(columnName, values)
}

function* runsOf(decoded: ReadonlyMap<string, unknown[]>, rowCount: number): Generator<ParquetRun> {
  for (let start = 0; start < rowCount; start += RUN_ROWS) {
    const end = Math.min(start + RUN_ROWS, rowCount)
    const entries = [...decoded].map(([name, values]) => [name, values.slice(start, end)])
    yield { rowCount: end - start, columns: Object.fromEntries(entries) as ParquetRun['columns'] }
  }
}

/** A look at what reading them would take. */
function checkSizes(metadata: FileMetaData, columns: readonly string[]): void {
  const rowCount = Number(metadata.num_rows)
  if (!(rowCount >= 0 && rowCount <= MAX_ROWS)) throw new RowFault('it says to have too many rows')
  const inGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
  if (inGroups !== rowCount) throw new RowFault('its row groups are not all of its rows')
  for (const { columns: chunks, num_rows: groupRows } of metadata.row_groups) {
    const wanted = chunks.flatMap(({ meta_data: data }) =>
      data !== undefined && columns.includes(data.path_in_schema[0] ?? '') ? [data] : [],
    )
    const flat = wanted.filter(({ path_in_schema: path }) => path.length === 1)
    if (flat.some(({ num_values: count }) => count !== groupRows)) {
      throw new RowFault('a column has another number of rows than its group')
    }
    const sizeBytes = wanted.reduce((sum, data) => sum + Number(data.total_uncompressed_size), 0)
    if (sizeBytes > MAX_GROUP_BYTES) throw new RowFault('a row group is larger than may be read')
  }
}

function capped(): Compressors {
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (input: Uint8Array, sizeBytes: number) => {
        if (!(sizeBytes <= MAX_PAGE_BYTES)) throw new RowFault('a page is larger than may be read')
        return unpack(input, sizeBytes)
      },
    ]),
  )
}
