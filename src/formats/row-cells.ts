/** Columns of `request` as plain values, for formats that keep our own names. Pure. */
import {
  ENDPOINTS,
  fileName,
  OUTCOMES,
  REQUEST_COLUMN_NAMES,
  REQUEST_COLUMNS,
  TOKEN_SOURCES,
  type ColumnType,
  type RequestColumn,
  type RequestRow,
} from '../trace/columns.ts'
import { canonicalJson } from '../trace/canonical.ts'
import { jsonValue } from '../trace/json-column.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'

/** Ids of blocks say nothing without the table of blocks, which has no place in a flat file. */
const WITHOUT_BLOCKS: readonly RequestColumn[] = ['prefixLeaf', 'prefixBlocks', 'answerLeaf']

export const PLAIN_COLUMNS = REQUEST_COLUMN_NAMES.filter((name) => !WITHOUT_BLOCKS.includes(name))

const BY_FILE_NAME = new Map(PLAIN_COLUMNS.map((name) => [fileName(name), name]))

export function columnNamed(name: string): RequestColumn | null {
  return BY_FILE_NAME.get(name) ?? null
}

/** Known words of the columns that have a fixed set. */
const WORDS: Partial<Record<RequestColumn, readonly string[]>> = {
  endpoint: ENDPOINTS,
  outcome: OUTCOMES,
  tokenSource: TOKEN_SOURCES,
}

const MAX_TEXT_CHARS = 65_536

/**
 * @param value as JSON, CSV or Parquet gives it; null, undefined and '' are null
 * @throws RowFault naming the column
 */
export function cellOf(column: RequestColumn, value: unknown): RequestRow[RequestColumn] {
  if (value === null || value === undefined || value === '') return null
  const { type } = REQUEST_COLUMNS[column]
  const cell = READ[type](value)
  const words = WORDS[column]
  const isWord = words === undefined || words.includes(String(cell))
  if (cell === null || !isWord) throw new RowFault(`${fileName(column)} holds something else`)
  return cell
}

type Cell = number | boolean | string | Uint8Array | bigint | null

const READ: Readonly<Record<ColumnType, (value: unknown) => Cell>> = {
  int: (value) => {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : null
  },
  real: (value) => (Number.isFinite(Number(value)) ? Number(value) : null),
  flag: (value) => {
    if (value === true || value === 'true' || value === 1 || value === '1') return true
    return value === false || value === 'false' || value === 0 || value === '0' ? false : null
  },
  id: () => null,
  text: (value) => (typeof value === 'string' && value.length <= MAX_TEXT_CHARS ? value : null),
  json: (value) => canonicalJson(typeof value === 'string' ? parseJson(value) : value),
  bytes: (value) => {
    if (value instanceof Uint8Array) return value
    return typeof value === 'string' ? Buffer.from(value, 'base64') : null
  },
}

/** The value as JSON has it; bytes in base64. */
export function plainOf(column: RequestColumn, value: unknown, row?: number): unknown {
  const { type } = REQUEST_COLUMNS[column]
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (type === 'flag') return value === 1
  if (type === 'json') return jsonValue(value as string, `request.${fileName(column)}`, row)
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}
