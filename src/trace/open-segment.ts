/** One segment while it is written, and one whose writer was killed. Effects: writes the file. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { temporaryPath } from '../base/files.ts'
import type {
  BlockRow,
  EventRow,
  GapRow,
  OutcomeName,
  RequestRow,
  SampleRow,
  TableName,
} from './columns.ts'
import { formatHeader, parseHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { IdIndex } from './id-index.ts'
import { BatchInserter, putHeader, type InsertVerb } from './sqlite-writer.ts'
import {
  createDatabase,
  createIndexes,
  openForAppending,
  openForReading,
  sealDatabase,
  sqliteProblem,
  type Connection,
} from './sqlite.ts'
import { TABLE_NAMES, checkBatch, rowsToBatch } from './table.ts'

const UNOBSERVED: OutcomeName = 'unobserved_end'

/** What happened since the last call; all of it is kept, or none. */
export type RecordingChange = Readonly<{
  /** Requests that began: what is known of them, and no outcome. */
  open?: readonly Partial<RequestRow>[]
  /** Whole rows of requests that ended, begun in an earlier change or not. */
  completed?: readonly Partial<RequestRow>[]
  /** Parents first; those that the segment has already are ignored. */
  blocks?: readonly BlockRow[]
  events?: readonly EventRow[]
  gaps?: readonly GapRow[]
  samples?: readonly SampleRow[]
}>

type Ending = Readonly<{ openRows: 'move' | 'end'; header: TraceHeader }>

export class OpenSegment {
  readonly path: string
  readonly #header: TraceHeader
  readonly #connection: Connection
  readonly #inserter: BatchInserter
  readonly #blockIds = new IdIndex()
  /** What is still to be written before it can be sealed. */
  #ending: Ending | null = null
  /** As of the last write. */
  sizeBytes = 0
  #rowCount = 0
  #lastAtUs = -Infinity
  #lastSeq = -Infinity
  #isOrderedBySeq = true

  /** The file appears under its name with all its tables, so that a reader never finds half of them. */
  constructor(path: string, header: TraceHeader) {
    this.path = path
    this.#header = header
    const temporary = temporaryPath(path)
    try {
      const connection = createDatabase(temporary)
      createIndexes(connection)
      putHeader(connection, 'start', formatHeader(header))
      connection.close()
      sync(temporary)
      renameSync(temporary, path)
      sync(dirname(path))
      this.#connection = openForAppending(path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw writeProblem(error, path)
    }
    this.#inserter = new BatchInserter(this.#connection)
  }

  get rowCount(): number {
    return this.#rowCount
  }

  hasBlock(id: bigint): boolean {
    return this.#blockIds.has(id)
  }

  write(change: RecordingChange): void {
    const blocks = (change.blocks ?? []).filter(({ id }) => !this.#blockIds.has(id))
    const samples = (change.samples ?? []).filter(({ value }) => !Number.isNaN(value))
    try {
      this.#connection.exec('BEGIN IMMEDIATE')
      // Blocks first: a reader that sees a row can see its chain.
      this.#insert('block', blocks, 'INSERT OR IGNORE')
      this.#insert('request', change.open ?? [], 'INSERT OR REPLACE')
      this.#insert('request', change.completed ?? [], 'INSERT OR REPLACE')
      this.#insert('event', change.events ?? [])
      this.#insert('gap', change.gaps ?? [])
      this.#insert('sample', samples)
      this.sizeBytes = databaseBytes(this.#connection)
      this.#connection.exec('COMMIT')
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
      throw writeProblem(error, this.path)
    }
    for (const { id } of blocks) this.#blockIds.add(id)
    for (const row of [...(change.open ?? []), ...(change.completed ?? [])]) {
      this.#watchOrder(row.seq ?? 0, row.atUs ?? 0)
    }
  }

  #insert(table: TableName, rows: readonly object[], verb: InsertVerb = 'INSERT'): void {
    if (rows.length === 0) return
    const batch = rowsToBatch(table, rows)
    checkBatch(table, batch)
    this.#inserter.insert(table, batch, verb)
  }

  /** A row that ends was begun before, so only rows with a new seq count. */
  #watchOrder(seq: number, atUs: number): void {
    if (seq <= this.#lastSeq) return
    this.#rowCount += 1
    this.#isOrderedBySeq &&= atUs >= this.#lastAtUs
    this.#lastSeq = seq
    this.#lastAtUs = atUs
  }

  /** After this only `seal` writes. @param openRows move to the next segment, or end here, unobserved */
  end(openRows: 'move' | 'end', changes: Partial<TraceHeader>): void {
    this.#ending = { openRows, header: { ...this.#header, ...changes } }
  }

  /** Makes one whole file of it. @returns false while the disk fails or somebody reads it, who still can */
  seal(): boolean {
    try {
      if (this.#ending !== null) this.#writeEnd(this.#ending)
    } catch {
      // It is tried again: until then it reads like one that is still being written.
      return false
    } finally {
      // Whatever holds it may do so for long: nobody waits a second time.
      this.#connection.pragma('busy_timeout = 0')
    }
    return sealDatabase(this.#connection)
  }

  #writeEnd({ openRows, header }: Ending): void {
    if (openRows === 'end') endOpenRows(this.#connection)
    else this.#connection.exec('DELETE FROM request WHERE outcome IS NULL')
    if (this.#isOrderedBySeq) putHeader(this.#connection, 'order', '"seq"')
    putEnd(this.#connection, header)
    this.#ending = null
  }

  /** Leaves it as it is: a reader takes what is missing from the files beside it. */
  leave(): void {
    this.#connection.close()
  }

  /** It never came to be. Left open, its connection would later take the log of the next of that name. */
  discard(): void {
    this.leave()
    rmSync(this.path, { force: true })
  }
}

function databaseBytes(connection: Connection): number {
  const size = 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size'
  return Number(connection.prepare(size).pluck().get())
}

export type SegmentEnd = Readonly<{
  header: TraceHeader
  /** −1 if it has no rows. */
  maxSeq: number
  wasOpen: boolean
  /** Rows whose end nobody saw. */
  openRows: number
}>

/** Ends a segment whose writer was killed; a finished one is only looked at. */
export function recoverSegment(path: string): SegmentEnd {
  const reading = openForReading(path)
  try {
    const end = headerPart(reading, 'end')
    if (end !== null) {
      return { header: parseHeader(end), maxSeq: maxSeq(reading), wasOpen: false, openRows: 0 }
    }
  } finally {
    reading.close()
  }
  try {
    const connection = openForAppending(path)
    const header = parseHeader(headerPart(connection, 'start') ?? '')
    const last = maxSeq(connection)
    const openRows = endOpenRows(connection)
    putEnd(connection, { ...header, interrupted: true })
    if (!sealDatabase(connection)) connection.close()
    return { header, maxSeq: last, wasOpen: true, openRows }
  } catch (error) {
    throw writeProblem(error, path)
  }
}

function headerPart(connection: Connection, part: 'start' | 'end'): string | null {
  const json = connection.prepare('SELECT json FROM header WHERE part = ?').pluck().get(part)
  return typeof json === 'string' ? json : null
}

function maxSeq(connection: Connection): number {
  const found = connection.prepare('SELECT max(seq) FROM request').pluck().get()
  return typeof found === 'number' ? found : -1
}

/** @returns how many there were */
function endOpenRows(connection: Connection): number {
  const update = connection.prepare('UPDATE request SET outcome = ? WHERE outcome IS NULL')
  return update.run(UNOBSERVED).changes
}

function putEnd(connection: Connection, header: TraceHeader): void {
  const counted = TABLE_NAMES.map((table) => {
    return [table, connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get()] as const
  })
  const counts = Object.fromEntries(counted) as TraceHeader['counts']
  putHeader(connection, 'end', formatHeader({ ...header, counts }))
}

/** A file's bytes, or a folder's names, onto the disk. */
function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function writeProblem(error: unknown, path: string): Error {
  const problem = sqliteProblem(error, path)
  if (!(problem instanceof TraceError)) return problem
  return new TraceError('FAILED', problem.message, { cause: error })
}
