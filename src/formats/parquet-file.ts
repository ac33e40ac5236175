/** Rows of a Parquet file in memory, the named columns only. Pure. */
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { JsonRecord } from './fields.ts'
import type { Head } from './head.ts'
import { RowFault } from './row-fault.ts'

export function isParquet({ bytes }: Head): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PAR1'
}

const ROWS_AT_ONCE = 10_000

/** @throws RowFault if the file lacks one of `needed` */
export async function readParquet(
  bytes: Uint8Array,
  needed: readonly string[],
  wanted: readonly string[],
  add: (row: JsonRecord) => void,
): Promise<void> {
  const file = new Uint8Array(bytes).buffer
  const names = await parquetColumns(bytes)
  const missing = needed.find((name) => !names.includes(name))
  if (missing !== undefined) throw new RowFault(`it has no column ${missing}`)
  const columns = wanted.filter((name) => names.includes(name))
  for (let rowStart = 0; ; rowStart += ROWS_AT_ONCE) {
    const rowEnd = rowStart + ROWS_AT_ONCE
    const rows = await parquetReadObjects({ file, columns, compressors, rowStart, rowEnd })
    rows.forEach(add)
    if (rows.length < ROWS_AT_ONCE) return
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
