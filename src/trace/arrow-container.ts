/**
 * Puts batches of any table into an Arrow trace, rows sorted by (at_us, seq). Effects: writes files.
 * Rows that come somewhat out of order are sorted in memory; those that come too late for that wait
 * in an SQLite file beside it and are merged in at the end.
 */
import { rm } from 'node:fs/promises'
import { temporaryPath as nameBeside } from '../base/files.ts'
import { readArrow } from './arrow-reader.ts'
import { ArrowTraceFile } from './arrow-trace-file.ts'
import { REQUEST_COLUMN_NAMES, type TableName } from './columns.ts'
import type { Container } from './container.ts'
import { copyOthers } from './copy.ts'
import type { TraceHeader } from './header.ts'
import { mergeRequests } from './merge.ts'
import { readSqlite } from './sqlite-reader.ts'
import { SqliteContainer } from './sqlite-writer.ts'
import { concatBatches, gatherRows, sliceRows, sortRequests, type Batch } from './table.ts'

/** Rows of one Arrow batch. */
const BATCH_ROWS = 32_768
/** Rows of a small table that travel together in one batch's metadata. */
const PART_ROWS = 32_768
const SMALL_TABLES = ['block', 'event', 'gap', 'sample'] as const

export class ArrowContainer implements Container {
  #temporaryPath: string
  readonly #header: TraceHeader
  #file: ArrowTraceFile
  readonly #pending: Record<TableName, Batch[]> = {
    request: [],
    block: [],
    event: [],
    gap: [],
    sample: [],
  }
  #lastAtUs = -Infinity
  #lastSeq = -Infinity
  #late: SqliteContainer | null = null
  #isOpen = true

  constructor(temporaryPath: string, header: TraceHeader) {
    this.#temporaryPath = temporaryPath
    this.#header = header
    this.#file = new ArrowTraceFile(temporaryPath, header)
  }

  get temporaryPath(): string {
    return this.#temporaryPath
  }

  addBatch(table: TableName, batch: Batch): void {
    // A copy, because the caller may use its arrays again.
    this.#pending[table].push(sliceRows(table, batch, 0, batch.rowCount))
    // The last rows wait for stragglers, so that most disorder is sorted out in memory.
    if (table === 'request') this.#writeRequests(2 * BATCH_ROWS)
    else if (rowsIn(this.#pending[table]) >= PART_ROWS) this.#writeParts(table)
  }

  #writeRequests(whenRows: number): void {
    if (rowsIn(this.#pending.request) < whenRows) return
    const sorted = sortRequests(concatBatches('request', this.#pending.request))
    let at = 0
    while (sorted.rowCount - at >= whenRows) {
      const end = Math.min(sorted.rowCount, at + BATCH_ROWS)
      this.#writeSorted(sliceRows('request', sorted, at, end))
      at = end
    }
    this.#pending.request = [sliceRows('request', sorted, at, sorted.rowCount)]
  }

  #writeSorted(batch: Batch): void {
    const atUs = batch.columns['atUs'] as Float64Array
    const seq = batch.columns['seq'] as Float64Array
    const last = batch.rowCount - 1
    const isLater =
      (atUs[0] ?? 0) > this.#lastAtUs ||
      (atUs[0] === this.#lastAtUs && (seq[0] ?? 0) > this.#lastSeq)
    if (isLater) {
      this.#file.writeRequests(batch)
      this.#lastAtUs = atUs[last] ?? 0
      this.#lastSeq = seq[last] ?? 0
      return
    }
    this.#late ??= new SqliteContainer(nameBeside(this.#temporaryPath), this.#header)
    this.#late.addBatch('request', batch)
  }

  #writeParts(table: TableName): void {
    const waiting = concatBatches(table, this.#pending[table])
    for (let at = 0; at < waiting.rowCount; at += PART_ROWS) {
      const end = Math.min(waiting.rowCount, at + PART_ROWS)
      const part = sliceRows(table, waiting, at, end)
      this.#file.writePart(table, table === 'sample' ? sortSamples(part) : part)
    }
    this.#pending[table] = []
  }

  async flush(): Promise<void> {
    this.#writeRequests(1)
    for (const table of SMALL_TABLES) this.#writeParts(table)
    if (this.#late !== null) await this.#mergeLate(this.#late)
  }

  /** Writes the file once more, the late rows in their places. */
  async #mergeLate(late: SqliteContainer): Promise<void> {
    await late.flush()
    const from = this.#temporaryPath
    const readers = [readArrow(from), readSqlite(late.temporaryPath)] as const
    const before = this.#file
    this.#temporaryPath = nameBeside(from)
    this.#file = new ArrowTraceFile(this.#temporaryPath, this.#header)
    this.#late = null
    this.#lastAtUs = -Infinity
    const requests = mergeRequests(readers, REQUEST_COLUMN_NAMES)
    for await (const batch of requests) this.addBatch('request', batch)
    this.#writeRequests(1)
    await copyOthers(readers[0], (table, batch) => this.addBatch(table, batch))
    for (const table of SMALL_TABLES) this.#writeParts(table)
    await Promise.all(readers.map(async (reader) => reader.close()))
    before.abandon()
    await late.abandon()
    await Promise.all([from, late.temporaryPath].map(async (path) => rm(path, { force: true })))
  }

  async seal(header: TraceHeader): Promise<void> {
    this.#file.finish(header)
    this.#isOpen = false
  }

  async abandon(): Promise<void> {
    if (this.#isOpen) this.#file.abandon()
    this.#isOpen = false
    if (this.#late === null) return
    await this.#late.abandon()
    await rm(this.#late.temporaryPath, { force: true })
  }
}

function rowsIn(batches: readonly Batch[]): number {
  return batches.reduce((sum, { rowCount }) => sum + rowCount, 0)
}

/** Each part by time; the reader merges parts. */
function sortSamples(batch: Batch): Batch {
  const atUs = batch.columns['atUs'] as Float64Array
  const places = Uint32Array.from({ length: batch.rowCount }, (_, row) => row)
  const byTime = (left: number, right: number) => (atUs[left] ?? 0) - (atUs[right] ?? 0)
  return gatherRows('sample', batch, places.toSorted(byTime))
}
