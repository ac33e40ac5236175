/** Rows of a Parquet file in memory, the named columns only. Pure. */
import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type Compressors,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { JsonRecord } from './fields.ts'
import type { Head } from './head.ts'
import { RowFault } from './row-fault.ts'

const ROWS_AT_ONCE = 10_000
const MAX_ROWS = 500_000_000
/** One page after unpacking; what a file says of itself is not believed beyond this. */
const MAX_PAGE_BYTES = 64_000_000
/** The wanted columns of one row group after unpacking. */
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

/**
 * @param addRows gets rows in order, some thousands at a time
 * @throws RowFault if the file lacks one of `needed`, is damaged, or is larger than it may be
 */
export async function readParquet(
  bytes: Uint8Array,
  needed: readonly string[],
  wanted: readonly string[],
  addRows: (rows: readonly JsonRecord[]) => void,
): Promise<void> {
  const file = new Uint8Array(bytes).buffer
  const names = await parquetColumns(bytes)
  const missing = needed.find((name) => !names.includes(name))
  if (missing !== undefined) throw new RowFault(`it has no column ${missing}`)
  const columns = wanted.filter((name) => names.includes(name))
  const rowCount = await checkedRows(file, columns)
  for (let rowStart = 0; rowStart < rowCount; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(rowStart + ROWS_AT_ONCE, rowCount)
    const options = { file, columns, compressors: capped(), parsers: TIMES, rowStart, rowEnd }
    // The library throws all kinds of errors over damaged bytes, and quotes them.
    const rows = await parquetReadObjects(options).catch(() => null)
    if (rows === null || rows.length === 0) {
      throw new RowFault(`its data is damaged after row ${rowStart}`)
    }
    addRows(rows)
  }
}

export async function parquetColumns(bytes: Uint8Array): Promise<string[]> {
  try {
    const metadata = await parquetMetadataAsync(new Uint8Array(bytes).buffer)
    return parquetSchema(metadata).children.map(({ element }) => element.name)
  } catch {
    throw new RowFault('its footer cannot be read')
  }
}

/** @returns rows of the whole file, after a look at what reading them would take */
async function checkedRows(file: ArrayBuffer, columns: readonly string[]): Promise<number> {
  const { num_rows: rows, row_groups: groups } = await parquetMetadataAsync(file)
  const rowCount = Number(rows)
  if (!(rowCount >= 0 && rowCount <= MAX_ROWS)) throw new RowFault('it says to have too many rows')
  const inGroups = groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
  if (inGroups !== rowCount) throw new RowFault('its row groups are not all of its rows')
  for (const { columns: chunks, num_rows: groupRows } of groups) {
    const wanted = chunks.filter(({ meta_data: data }) =>
      columns.includes(data?.path_in_schema[0] ?? ''),
    )
    const sizeBytes = wanted.reduce(
      (sum, { meta_data: data }) => sum + Number(data?.total_uncompressed_size ?? 0),
      0,
    )
    const flat = wanted.filter(({ meta_data: data }) => data?.path_in_schema.length === 1)
    const isHollow = flat.some(({ meta_data: data }) => data?.num_values !== groupRows)
    if (isHollow) throw new RowFault('a column has another number of rows than its group')
    if (sizeBytes > MAX_GROUP_BYTES) {
      throw new RowFault('a row group is larger than may be read')
    }
  }
  return rowCount
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
