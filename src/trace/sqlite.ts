/**
 * The door to better-sqlite3: connections for our own files, and for reading anybody's.
 * Effects: opens database files.
 */
import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import Database from 'better-sqlite3'
import { TraceError } from '../base/errors.ts'
import { FORMAT_VERSION } from './header.ts'
import { APPLICATION_ID, INDEX_STATEMENTS, SCHEMA_V1, TABLE_STATEMENTS } from './sqlite-schema.ts'

export type Connection = Database.Database
export type Statement = Database.Statement

/** Earlier releases can corrupt a WAL database under two processes. */
const OLDEST_SQLITE = [3, 51, 3] as const

/** SQLite's own header. */
const HEAD_BYTES = 100

/** How long a connection waits for another one's lock. */
const BUSY_TIMEOUT_MS = 5_000
const WRITER_TIMEOUT_MS = 100

/** The version of the bundled library; asserts that it is new enough. */
function sqliteVersion(connection: Connection): string {
  const version = connection.prepare('SELECT sqlite_version()').pluck().get() as string
  const parts = version.split('.').map(Number)
  const place = OLDEST_SQLITE.findIndex((oldest, index) => parts[index] !== oldest)
  const isOld = place >= 0 && (parts[place] ?? 0) < (OLDEST_SQLITE[place] ?? 0)
  assert(!isOld, `SQLite ${version} is older than ${OLDEST_SQLITE.join('.')}`)
  return version
}

/** The version of the bundled library, asserted to be new enough. */
export function librarySqliteVersion(): string {
  const connection = new Database(':memory:')
  try {
    return sqliteVersion(connection)
  } finally {
    connection.close()
  }
}

/** A new, empty trace; its indexes are made by `createIndexes`, quicker once the rows are in. */
export function createDatabase(path: string): Connection {
  const connection = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  sqliteVersion(connection)
  // Nobody sees the file before it is whole, and then it is synced: see publish and OpenSegment.
  connection.pragma('journal_mode = OFF')
  connection.pragma('synchronous = OFF')
  connection.pragma(`application_id = ${APPLICATION_ID}`)
  connection.pragma(`user_version = ${FORMAT_VERSION}`)
  connection.exec(`BEGIN; ${TABLE_STATEMENTS.join('; ')}; COMMIT`)
  return connection
}

/** A trace's tables in memory, gone when it is closed. */
export function memoryDatabase(): Connection {
  const connection = createDatabase(':memory:')
  createIndexes(connection)
  return connection
}

export function createIndexes(connection: Connection): void {
  connection.exec(`BEGIN; ${INDEX_STATEMENTS.join('; ')}; COMMIT`)
}

/**
 * For the one writer of a live segment: committed rows survive a killed process. Nobody else writes
 * there, so a lock is not waited for long: its writer has other things to do meanwhile.
 */
export function openForAppending(path: string): Connection {
  const connection = new Database(path, { timeout: WRITER_TIMEOUT_MS, fileMustExist: true })
  sqliteVersion(connection)
  connection.pragma('journal_mode = WAL')
  connection.pragma('synchronous = NORMAL')
  return connection
}

/** For what is said of a finished file later. */
export function openFinished(path: string): Connection {
  return new Database(path, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true })
}

/**
 * Held by the one recorder of a folder until it closes it or dies, however it dies.
 *
 * @throws TraceError BAD_OPTION if another process holds it, or the folder cannot be written
 */
export function lockFolder(lockPath: string, folder: string): Connection {
  let connection: Connection | null = null
  try {
    connection = new Database(lockPath, { timeout: 0 })
    // Nothing is ever written to it, so nothing may lie beside it either.
    connection.pragma('journal_mode = MEMORY')
    connection.exec('BEGIN EXCLUSIVE')
    return connection
  } catch (error) {
    connection?.close()
    const isBusy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
    const what = isBusy ? 'is being written by another recorder' : 'cannot be written'
    throw new TraceError('BAD_OPTION', `${folder} ${what}`, {
      hint: 'Name another folder with --out.',
      cause: error,
    })
  }
}

/**
 * Everything back into the one file, so that it can be copied, and its -wal and -shm are gone; then the
 * connection is closed.
 *
 * @returns false while somebody reads the file, or the disk fails: nothing is lost, and it can be tried again
 */
export function sealDatabase(connection: Connection): boolean {
  try {
    connection.pragma('wal_checkpoint(TRUNCATE)')
    connection.pragma('journal_mode = DELETE')
  } catch (error) {
    if (error instanceof Database.SqliteError) return false
    throw error
  }
  connection.close()
  return true
}

/**
 * Read-only, with SQLite's own defences up, the schema compared with the released one.
 *
 * @throws TraceError TRACE_UNREADABLE or TRACE_NEWER; never with text from the file
 */
export function openForReading(path: string): Connection {
  let connection: Connection | null = null
  try {
    connection = new Database(path, {
      readonly: true,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    })
    sqliteVersion(connection)
    connection.pragma('trusted_schema = OFF')
    connection.pragma('cell_size_check = ON')
    connection.pragma('query_only = ON')
    checkSize(path)
    checkSchema(connection, path)
    return connection
  } catch (error) {
    connection?.close()
    throw sqliteProblem(error, path)
  }
}

/**
 * SQLite takes a file without its last pages for a sound one until it wants to read them. While a file
 * is in WAL mode its pages may still be elsewhere.
 */
function checkSize(path: string): void {
  const head = Buffer.alloc(HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, head, 0, HEAD_BYTES, 0)
    const pageBytes = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16)
    const isWal = head[18] === 2
    if (isWal || fstatSync(file).size >= pageBytes * head.readUInt32BE(28)) return
  } finally {
    closeSync(file)
  }
  throw new TraceError('TRACE_UNREADABLE', `${path} is cut off`)
}

function checkSchema(connection: Connection, path: string): void {
  const refuse = (what: string): never => {
    throw new TraceError('TRACE_UNREADABLE', `${path}: ${what}`)
  }
  if (connection.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    refuse('an SQLite database, but not a trace')
  }
  const version = connection.pragma('user_version', { simple: true }) as number
  if (version > FORMAT_VERSION) {
    throw new TraceError('TRACE_NEWER', `${path} has format version ${version}`)
  }
  if (version < 1) refuse(`format version ${version} was never released`)
  // Automatic indexes of primary keys have no statement of their own.
  const found = connection
    .prepare(
      "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_autoindex^_%' ESCAPE '^'",
    )
    .raw()
    .all() as [string, string | null][]
  const isReleased =
    found.length === SCHEMA_V1.size && found.every(([name, sql]) => SCHEMA_V1.get(name) === sql)
  if (!isReleased) refuse('its tables are not those of any released format')
}

/** An error of ours stays; one of SQLite's becomes a sentence without anything from the file. */
export function sqliteProblem(error: unknown, path: string): Error {
  if (error instanceof TraceError || !(error instanceof Database.SqliteError)) {
    return error instanceof TypeError && /directory|exist/.test(error.message)
      ? new TraceError('TRACE_UNREADABLE', `${path} is not there`)
      : (error as Error)
  }
  const reason = error.code.startsWith('SQLITE_BUSY')
    ? 'another process holds it locked'
    : error.code.startsWith('SQLITE_CANTOPEN')
      ? 'cannot be opened here (a live recording needs its -wal and -shm files beside it)'
      : error.code.startsWith('SQLITE_FULL') || error.code.startsWith('SQLITE_IOERR')
        ? 'the disk is full or fails'
        : 'damaged'
  return new TraceError('TRACE_UNREADABLE', `${path}: ${reason} (${error.code})`)
}

/** What is wrong with a query that a person wrote; SQLite's words quote only the query. */
export function sqlProblem(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError) && !(error instanceof RangeError)) return error
  const isDamage = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CORRUPT')
  return new TraceError(
    isDamage ? 'TRACE_UNREADABLE' : 'BAD_OPTION',
    isDamage ? 'the trace is damaged' : `the SQL is wrong: ${error.message}`,
    { hint: 'docs/trace-format.md lists the tables and their columns.', cause: error },
  )
}
