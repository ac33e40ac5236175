/** Read-only SQL over any trace. Effects: reads the file; a trace that is no SQLite file fills memory. */
import { TraceError } from '../base/errors.ts'
import { decodeChunkTimes } from './chunk-times.ts'
import { decodeChunkTokens } from './chunk-tokens.ts'
import { copyInto } from './copy.ts'
import { containerByContent, isFolder, openTrace } from './open.ts'
import { memoryDatabase, openForReading, sqlProblem, type Connection } from './sqlite.ts'
import { BatchInserter } from './sqlite-writer.ts'

export type Cell = bigint | number | string | Uint8Array | null

export type QueryRows = Readonly<{ columns: readonly string[]; rows: Iterable<Cell[]> }>

export class TraceDatabase {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
    // What a query sorts and joins counts as its memory, and stays off the disk.
    connection.pragma('temp_store = MEMORY')
    connection.pragma('query_only = ON')
    const deterministic = { deterministic: true }
    connection.function('chunk_times', deterministic, (bytes) => asJson(bytes, decodeChunkTimes))
    connection.function('chunk_tokens', deterministic, (bytes) => asJson(bytes, decodeChunkTokens))
  }

  /**
   * Rows are read as they are asked for.
   *
   * @throws TraceError BAD_OPTION for SQL that is wrong, or does more than read
   */
  query(sql: string): QueryRows {
    refuseWriting(sql)
    try {
      const statement = this.#connection.prepare(sql)
      if (!statement.reader || !statement.readonly) throw notReading()
      const columns = statement.columns().map(({ name }) => name)
      return { columns, rows: readRows(statement.raw().safeIntegers().iterate()) }
    } catch (error) {
      throw sqlProblem(error)
    }
  }

  close(): void {
    this.#connection.close()
  }
}

/** @param path any trace; an SQLite file is queried as it lies, all others are read into memory first */
export async function openDatabase(path: string): Promise<TraceDatabase> {
  if (!isFolder(path) && containerByContent(path) === 'sqlite') {
    return new TraceDatabase(openForReading(path))
  }
  const reader = await openTrace(path)
  const connection = memoryDatabase()
  try {
    const inserter = new BatchInserter(connection)
    connection.exec('BEGIN')
    await copyInto(reader, (table, batch) => inserter.insert(table, batch))
    connection.exec('COMMIT')
    return new TraceDatabase(connection)
  } catch (error) {
    connection.close()
    throw error
  } finally {
    await reader.close()
  }
}

function* readRows(rows: IterableIterator<unknown>): Generator<Cell[]> {
  try {
    for (const row of rows) yield row as Cell[]
  } catch (error) {
    throw sqlProblem(error)
  }
}

/** A statement may only read, and only from this trace: no ATTACH, no PRAGMA. */
function refuseWriting(sql: string): void {
  const bare = sql.replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/, '')
  if (!/^(?:select|with|values|explain)\b/i.test(bare)) throw notReading()
}

function notReading(): TraceError {
  return new TraceError('BAD_OPTION', 'the SQL is no query that only reads', {
    hint: 'It should begin with select, with or values; docs/trace-format.md lists the tables.',
  })
}

function asJson(bytes: unknown, decode: (bytes: Uint8Array) => ArrayLike<number>): string | null {
  return bytes instanceof Uint8Array ? JSON.stringify(Array.from(decode(bytes))) : null
}
