/** Puts batches of any table into an SQLite trace. Effects: writes the file. */
import type { Container } from './container.ts'
import { formatHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import type { TableName } from './columns.ts'
import { createDatabase, createIndexes, type Connection, type Statement } from './sqlite.ts'
import { columnsOf, hasValue, type Batch, type ColumnEntry, type Data } from './table.ts'

export type InsertVerb = 'INSERT' | 'INSERT OR REPLACE' | 'INSERT OR IGNORE'

/** Inserts batches over one connection; the caller holds the transaction. */
export class BatchInserter {
  readonly #connection: Connection
  readonly #statements = new Map<string, Statement>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Columns that are null in the whole batch are left out: binding them would cost as much as data. */
  insert(table: TableName, batch: Batch, verb: InsertVerb = 'INSERT'): void {
    if (batch.rowCount === 0) return
    const used = columnsOf(table).filter(({ key }) => {
      return hasValue(batch.columns[key], batch.rowCount)
    })
    const statement = this.#statement(table, used, verb)
    const data = used.map(({ key }) => batch.columns[key] as Data)
    const values: unknown[] = []
    for (let row = 0; row < batch.rowCount; row += 1) {
      for (let index = 0; index < data.length; index += 1) values[index] = bound(data[index], row)
      statement.run(values)
    }
  }

  #statement(table: TableName, used: readonly ColumnEntry[], verb: InsertVerb): Statement {
    const names = used.map(({ file }) => file).join(', ')
    const sql = `${verb} INTO ${table} (${names}) VALUES (${used.map(() => '?').join(', ')})`
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const made = this.#connection.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }
}

/** NaN is bound as null by SQLite itself; an id of 0 is null. */
function bound(data: Data | undefined, row: number): unknown {
  const value = data?.[row] ?? null
  if (typeof value !== 'bigint') return value
  return value === 0n ? null : BigInt.asIntN(64, value)
}

export function putHeader(
  connection: Connection,
  part: 'start' | 'end' | 'order',
  json: string,
): void {
  connection.prepare('INSERT OR REPLACE INTO header (part, json) VALUES (?, ?)').run(part, json)
}

/** A whole trace written at once to a file that nobody else sees yet: no journal is needed. */
export class SqliteContainer implements Container {
  readonly temporaryPath: string
  readonly #connection: Connection
  readonly #inserter: BatchInserter
  #lastAtUs = -Infinity
  #lastSeq = -Infinity
  #isOrderedBySeq = true

  constructor(temporaryPath: string, header: TraceHeader) {
    this.temporaryPath = temporaryPath
    this.#connection = createDatabase(temporaryPath)
    putHeader(this.#connection, 'start', formatHeader(header))
    this.#inserter = new BatchInserter(this.#connection)
  }

  addBatch(table: TableName, batch: Batch): void {
    if (table === 'request') this.#watchOrder(batch)
    this.#connection.exec('BEGIN')
    this.#inserter.insert(table, batch)
    this.#connection.exec('COMMIT')
  }

  #watchOrder(batch: Batch): void {
    const atUs = batch.columns['atUs'] as Float64Array
    const seq = batch.columns['seq'] as Float64Array
    for (let index = 0; index < batch.rowCount; index += 1) {
      const at = atUs[index] ?? 0
      const number = seq[index] ?? 0
      this.#isOrderedBySeq &&= at >= this.#lastAtUs && number > this.#lastSeq
      this.#lastAtUs = at
      this.#lastSeq = number
    }
  }

  async flush(): Promise<void> {
    createIndexes(this.#connection)
    if (this.#isOrderedBySeq) putHeader(this.#connection, 'order', '"seq"')
  }

  async seal(header: TraceHeader): Promise<void> {
    putHeader(this.#connection, 'end', formatHeader(header))
    this.#connection.close()
  }

  async abandon(): Promise<void> {
    this.#connection.close()
  }
}
