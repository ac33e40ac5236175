/** The SQLite schema of every released format version, derived from the column table. Pure. */
import { TABLES, type ColumnType, type TableName } from './columns.ts'
import { TABLE_NAMES, columnsOf } from './table.ts'

/** 'vTRC', in the file's first hundred bytes: tells a trace from any other database. */
export const APPLICATION_ID = 0x76545243

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  int: 'INTEGER',
  real: 'REAL',
  flag: 'INTEGER',
  /** The 64 bits as SQLite's signed integer. */
  id: 'INTEGER',
  text: 'TEXT',
  json: 'TEXT',
  bytes: 'BLOB',
}

/** The header's three parts: 'start' and 'end' are JSON; 'order' says that seq follows at_us. */
const HEADER_TABLE =
  'CREATE TABLE header (part TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID'

/** Columns that grow the table later are nullable, so that old rows need no rewriting. */
function createTable(table: TableName): string {
  const columns = columnsOf(table).map(({ file, type, nullable }) => {
    const isKey = table === 'request' && file === 'seq'
    return `${file} ${SQL_TYPES[type]}${isKey ? ' PRIMARY KEY' : ''}${nullable ? '' : ' NOT NULL'}`
  })
  return `CREATE TABLE ${table} (${columns.join(', ')}) STRICT`
}

const INDEXES: Readonly<Record<string, string>> = {
  /** Its entries end in seq, the table's key, so it gives rows by (at_us, seq). */
  request_by_time: 'CREATE INDEX request_by_time ON request (at_us)',
  block_by_id: 'CREATE UNIQUE INDEX block_by_id ON block (id)',
}

export const TABLE_STATEMENTS: readonly string[] = [HEADER_TABLE, ...TABLE_NAMES.map(createTable)]
export const INDEX_STATEMENTS: readonly string[] = Object.values(INDEXES)

/** name → the statement that made it, as sqlite_schema must show it. */
export const SCHEMA_V1: ReadonlyMap<string, string> = new Map([
  ['header', HEADER_TABLE],
  ...Object.keys(TABLES).map((table) => [table, createTable(table as TableName)] as const),
  ...Object.entries(INDEXES),
])
