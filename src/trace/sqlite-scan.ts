/** Reads tables of an SQLite trace batch by batch. Effects: reads through its connection. */
import { TraceError } from '../base/errors.ts'
import type { ColumnType, TableName } from './columns.ts'
import { LIMITS, keepWithin } from './limits.ts'
import { sqliteProblem, type Connection } from './sqlite.ts'
import { newData, type Batch, type ColumnEntry } from './table.ts'

const BATCH_ROWS = 16_384
const PAGE_ROWS = 4_096
/** From so many columns on, empty ones are looked for first. */
const WIDE_COLUMNS = 16

/**
 * The columns that rows are sorted by. Where an index gives that order, pages go by key from `start`,
 * a value below all; else `start` is null and the table is sorted once.
 */
export type PageOrder = Readonly<{ by: readonly string[]; start: readonly Cell[] | null }>

type Cell = number | string | Uint8Array | null

/** at_us stands before any that is exact, and so do seq and rowid. */
const LOWEST = -(2 ** 53)

export const PAGE_ORDERS = {
  BY_ROWID: { by: ['rowid'], start: [LOWEST] },
  BY_SEQ: { by: ['seq'], start: [LOWEST] },
  BY_TIME: { by: ['at_us', 'seq'], start: [LOWEST, LOWEST] },
  BY_EVENT: { by: ['at_us', 'rowid'], start: null },
  BY_GAP: { by: ['from_us', 'rowid'], start: null },
} as const satisfies Readonly<Record<string, PageOrder>>

export class TableScanner {
  readonly #path: string
  readonly #connection: Connection

  constructor(path: string, connection: Connection) {
    this.#path = path
    this.#connection = connection
  }

  /** One column's array is shared by all batches where the whole table has no value in it. */
  *batches(table: TableName, columns: readonly ColumnEntry[], order: PageOrder): Generator<Batch> {
    try {
      const used = this.#usedColumns(table, columns)
      const unused = columns.filter((column) => !used.includes(column))
      const nulls = unused.map(({ key, type }) => [key, newData(type, BATCH_ROWS)] as const)
      const fill = used.map((column, index) => fillerOf(column, placeOf(used, index), this.#path))
      let data = used.map(({ type }) => newData(type, BATCH_ROWS))
      let rowCount = 0
      for (const page of this.#pages(table, used, order)) {
        for (let index = 0; index < fill.length; index += 1)
          fill[index]?.(page, data[index], rowCount)
        rowCount += page.length
        if (rowCount + PAGE_ROWS <= BATCH_ROWS) continue
        yield batchOf(used, data, rowCount, nulls)
        data = used.map(({ type }) => newData(type, BATCH_ROWS))
        rowCount = 0
      }
      if (rowCount > 0) yield batchOf(used, data, rowCount, nulls)
    } catch (error) {
      throw sqliteProblem(error, this.#path)
    }
  }

  /** Of many columns most are often empty, and looking once is cheaper than reading them all. */
  #usedColumns(table: TableName, columns: readonly ColumnEntry[]): readonly ColumnEntry[] {
    if (columns.length < WIDE_COLUMNS) return columns
    const counts = columns.map(({ file }) => `count(${file})`).join(', ')
    const found = this.#connection.prepare(`SELECT ${counts} FROM ${table}`).raw().get() as number[]
    return columns.filter(({ nullable }, index) => !nullable || (found[index] ?? 0) > 0)
  }

  /** Pages of a few thousand rows: quicker than row by row, and never the whole table. */
  #pages(table: TableName, columns: readonly ColumnEntry[], order: PageOrder): Iterable<Cell[][]> {
    const { by, start } = order
    const cells = [...columns.flatMap(cellsOf), ...by].join(', ')
    if (start === null) return this.#sortedPages(`SELECT ${cells} FROM ${table}`, by)
    return this.#keyedPages(`SELECT ${cells} FROM ${table}`, by, start)
  }

  *#keyedPages(
    selectAll: string,
    by: readonly string[],
    start: readonly Cell[],
  ): Generator<Cell[][]> {
    const after = `(${by.join(', ')}) > (${by.map(() => '?').join(', ')})`
    const select = `${selectAll} WHERE ${after} ORDER BY ${by.join(', ')} LIMIT ${PAGE_ROWS}`
    const statement = this.#connection.prepare(select).raw()
    let page = statement.all(...start) as Cell[][]
    while (page.length > 0) {
      yield page
      page = statement.all(...(page.at(-1) ?? []).slice(-by.length)) as Cell[][]
    }
  }

  *#sortedPages(select: string, by: readonly string[]): Generator<Cell[][]> {
    const statement = this.#connection.prepare(`${select} ORDER BY ${by.join(', ')}`).raw()
    let page: Cell[][] = []
    for (const row of statement.iterate() as IterableIterator<Cell[]>) {
      page.push(row)
      if (page.length < PAGE_ROWS) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }
}

function batchOf(
  columns: readonly ColumnEntry[],
  data: readonly unknown[],
  rowCount: number,
  nulls: readonly (readonly [string, unknown])[],
): Batch {
  const entries = [...nulls, ...columns.map(({ key }, index) => [key, data[index]] as const)]
  return { rowCount, columns: Object.fromEntries(entries) as Batch['columns'] }
}

/** Puts one column of a page into a batch, from row `at` on. */
type Filler = (page: readonly Cell[][], data: unknown, at: number) => void

/**
 * 64-bit ids come as two halves, because a BigInt for every integer of a row would be slow. A text or
 * blob that is too long comes as its length, so that it is never in memory.
 */
function cellsOf({ file, type }: ColumnEntry): string[] {
  if (type === 'id') return [`${file} >> 32`, `${file} & 4294967295`]
  if (type === 'int' || type === 'flag' || type === 'real') return [file]
  const length = `octet_length(${file})`
  return [`iif(${length} > ${LIMITS[lengthLimit(type)]}, ${length}, ${file})`]
}

function lengthLimit(type: ColumnType): 'MAX_BLOB_BYTES' | 'MAX_TEXT_BYTES' {
  return type === 'bytes' ? 'MAX_BLOB_BYTES' : 'MAX_TEXT_BYTES'
}

function placeOf(columns: readonly ColumnEntry[], index: number): number {
  const before = columns.slice(0, index)
  return before.reduce((sum, column) => sum + cellsOf(column).length, 0)
}

function fillerOf({ file, type }: ColumnEntry, place: number, path: string): Filler {
  switch (type) {
    case 'id':
      return (page, data, at) => {
        const halves = new Uint32Array((data as BigUint64Array).buffer)
        for (let row = 0; row < page.length; row += 1) {
          halves[(at + row) * 2 + 1] = page[row]?.[place] as number
          halves[(at + row) * 2] = page[row]?.[place + 1] as number
        }
      }
    case 'int':
    case 'flag':
    case 'real':
      return (page, data, at) => {
        for (let row = 0; row < page.length; row += 1) {
          const value = page[row]?.[place] ?? null
          if (value === null) continue
          if (type !== 'real' && !Number.isSafeInteger(value)) {
            throw new TraceError('TRACE_UNREADABLE', `${path}: ${file} holds more than 2^53`)
          }
          ;(data as Float64Array)[at + row] = value as number
        }
      }
    case 'text':
    case 'json':
    case 'bytes':
    default: {
      const limit = lengthLimit(type)
      return (page, data, at) => {
        for (let row = 0; row < page.length; row += 1) {
          const value = page[row]?.[place] ?? null
          if (value === null) continue
          if (typeof value === 'number') keepWithin(limit, value, path)
          else (data as (string | Uint8Array)[])[at + row] = value
        }
      }
    }
  }
}
