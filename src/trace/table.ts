/** The column table as lists, and batches of any table built from rows and back. Pure. */
import assert from 'node:assert/strict'
import {
  TABLES,
  fileName,
  type Column,
  type ColumnType,
  type RowOf,
  type TableName,
} from './columns.ts'

/** One column with its name inside the program and its place in the table. */
export type ColumnEntry = Column & Readonly<{ key: string; file: string; index: number }>

export type Data = Float64Array | BigUint64Array | (string | null)[] | (Uint8Array | null)[]

/** Rows of any table, column by column; an absent column is null in every row. */
export type Batch = Readonly<{ rowCount: number; columns: Readonly<Record<string, Data>> }>

export const TABLE_NAMES = Object.keys(TABLES) as TableName[]

const LISTS = Object.fromEntries(
  TABLE_NAMES.map((table) => [
    table,
    Object.entries(TABLES[table] as Readonly<Record<string, Column>>).map(
      ([key, column], index) => ({ ...column, key, index, file: fileName(key) }),
    ),
  ]),
) as unknown as Readonly<Record<TableName, readonly ColumnEntry[]>>

export function columnsOf(table: TableName): readonly ColumnEntry[] {
  return LISTS[table]
}

/** The entries of some columns, in the order asked for; asserts that they exist. */
export function pickColumns(table: TableName, keys: readonly string[]): ColumnEntry[] {
  return keys.map((key) => {
    const found = LISTS[table].find((column) => column.key === key)
    assert(found !== undefined, `no column ${key} in ${table}`)
    return found
  })
}

/** All null. */
export function newData(type: ColumnType, length: number): Data {
  switch (type) {
    case 'int':
    case 'real':
    case 'flag':
      return new Float64Array(length).fill(NaN)
    case 'id':
      return new BigUint64Array(length)
    case 'text':
    case 'json':
      return Array<string | null>(length).fill(null)
    case 'bytes':
    default:
      return Array<Uint8Array | null>(length).fill(null)
  }
}

/** Is this place null, under the rules of `columns.ts`? */
export function isNull(data: Data, index: number): boolean {
  const value = data[index]
  return value === null || value === 0n || value !== value
}

/** Whether any of the rows has a value in this column. */
export function hasValue(data: Data | undefined, rowCount: number): boolean {
  if (data === undefined) return false
  if (data instanceof Float64Array) {
    for (let index = 0; index < rowCount; index += 1) if (data[index] === data[index]) return true
    return false
  }
  const none = data instanceof BigUint64Array ? 0n : null
  for (let index = 0; index < rowCount; index += 1) if (data[index] !== none) return true
  return false
}

/** Only columns with at least one value are made. */
export function rowsToBatch(table: TableName, rows: readonly object[]): Batch {
  const columns: Record<string, Data> = {}
  for (const { key, type } of LISTS[table]) {
    let data: Data | null = null
    for (let index = 0; index < rows.length; index += 1) {
      const value = (rows[index] as Record<string, unknown>)[key]
      if (value === undefined || value === null) continue
      data ??= newData(type, rows.length)
      data[index] = (typeof value === 'boolean' ? Number(value) : value) as never
    }
    if (data !== null) columns[key] = data
  }
  return { rowCount: rows.length, columns }
}

/** Rows as objects, with every column of the table; for small tables and tests. */
export function batchToRows<T extends TableName>(table: T, batch: Batch): RowOf<T>[] {
  const rows: Record<string, unknown>[] = Array.from({ length: batch.rowCount }, () => ({}))
  for (const { key, type } of LISTS[table]) {
    const data = batch.columns[key]
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index] as Record<string, unknown>
      if (data === undefined || isNull(data, index)) row[key] = null
      else row[key] = type === 'flag' ? data[index] === 1 : data[index]
    }
  }
  return rows as RowOf<T>[]
}

/** The rows of `batch` at these places, as a new batch. */
export function gatherRows(table: TableName, batch: Batch, places: ArrayLike<number>): Batch {
  const columns: Record<string, Data> = {}
  for (const { key, type } of LISTS[table]) {
    const from = batch.columns[key]
    if (from === undefined) continue
    const to = newData(type, places.length)
    for (let index = 0; index < places.length; index += 1) {
      to[index] = from[places[index] ?? 0] as never
    }
    columns[key] = to
  }
  return { rowCount: places.length, columns }
}

/** Asserts what both containers and the digest rely on; a violation is a bug of the caller. */
export function checkBatch(table: TableName, batch: Batch): void {
  for (const column of LISTS[table]) {
    const data = batch.columns[column.key]
    const name = `${table}.${column.file}`
    if (data === undefined) {
      assert(column.nullable || batch.rowCount === 0, `${name} is missing`)
      continue
    }
    assert(data.length >= batch.rowCount, `${name} is shorter than its batch`)
    if (!column.nullable) {
      for (let index = 0; index < batch.rowCount; index += 1) {
        assert(!isNull(data, index), `${name} is null`)
      }
    }
    if (data instanceof Float64Array && column.type !== 'real') {
      checkWhole(name, column.type, data.subarray(0, batch.rowCount))
    }
  }
}

function checkWhole(name: string, type: ColumnType, data: Float64Array): void {
  for (const value of data) {
    if (Number.isNaN(value)) continue
    assert(Number.isSafeInteger(value), `${name} is not a whole number`)
    assert(type !== 'flag' || value === 0 || value === 1, `${name} is neither 0 nor 1`)
  }
}

/** Rows `from` to `to` as a batch of their own, copied; columns that are all null are left out. */
export function sliceRows(table: TableName, batch: Batch, from: number, to: number): Batch {
  const entries = columnsOf(table)
    .filter(({ key }) => hasValue(batch.columns[key], batch.rowCount))
    .map(({ key }) => [key, (batch.columns[key] as Data).slice(from, to)] as const)
  return { rowCount: to - from, columns: Object.fromEntries(entries) }
}

/** One batch of all rows. */
export function concatBatches(table: TableName, batches: readonly Batch[]): Batch {
  if (batches.length === 1) return batches[0] as Batch
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0)
  const columns: Record<string, Data> = {}
  for (const { key, type } of columnsOf(table)) {
    if (!batches.some((batch) => batch.columns[key] !== undefined)) continue
    const to = newData(type, rowCount)
    let at = 0
    for (const batch of batches) {
      const from = batch.columns[key]
      if (from !== undefined) {
        for (let row = 0; row < batch.rowCount; row += 1) to[at + row] = from[row] as never
      }
      at += batch.rowCount
    }
    columns[key] = to
  }
  return { rowCount, columns }
}

/** By (at_us, seq). A batch that is in order already is returned as it is. */
export function sortRequests(batch: Batch): Batch {
  const atUs = batch.columns['atUs'] as Float64Array
  const seq = batch.columns['seq'] as Float64Array
  const compare = (left: number, right: number) =>
    (atUs[left] ?? 0) - (atUs[right] ?? 0) || (seq[left] ?? 0) - (seq[right] ?? 0)
  let isSorted = true
  for (let row = 1; row < batch.rowCount && isSorted; row += 1)
    isSorted = compare(row - 1, row) <= 0
  if (isSorted) return batch
  return gatherRows(
    'request',
    batch,
    Uint32Array.from({ length: batch.rowCount }, (_, row) => row).toSorted(compare),
  )
}
