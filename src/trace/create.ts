/** Makes a new trace file that appears whole or not at all. Effects: writes files. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { TraceError } from '../base/errors.ts'
import { checkOutput, publish, temporaryPath } from '../base/files.ts'
import type { BlockRow, TableName } from './columns.ts'
import { containerByName, type Container, type ContainerName } from './container.ts'
import { RowEncoder, rowDigest } from './digest.ts'
import type { TraceHeader } from './header.ts'
import { IdIndex } from './id-index.ts'
import { SeqSet } from './seq-set.ts'
import { readContainer } from './open.ts'
import { SqliteContainer } from './sqlite-writer.ts'
import { checkBatch, gatherRows, rowsToBatch, type Batch } from './table.ts'
import type { RequestColumns, TraceWriter } from './trace.ts'

/**
 * @param options.force replace an existing file; it stays as it is until `finish`
 * @throws TraceError BAD_OPTION or OUTPUT_EXISTS
 */
export async function createTrace(
  path: string,
  header: TraceHeader,
  options: { container?: ContainerName; force?: boolean } = {},
): Promise<TraceWriter> {
  const container = options.container ?? containerByName(path)
  checkOutput(path, options.force === true)
  const temporary = temporaryPath(path)
  try {
    return new FileWriter(path, header, await begin(container, temporary, header))
  } catch (error) {
    await rm(temporary, { force: true })
    throw writeProblem(error, path)
  }
}

/**
 * A trace of what `fill` writes, whole or not at all.
 *
 * @param isForced replace an existing file
 * @returns what `fill` does
 * @throws TraceError as `createTrace`, and what `fill` throws
 */
export async function writeTrace<T>(
  path: string,
  header: TraceHeader,
  isForced: boolean,
  fill: (writer: TraceWriter) => Promise<T>,
): Promise<T> {
  const writer = await createTrace(path, header, { force: isForced })
  try {
    const result = await fill(writer)
    await writer.finish()
    return result
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** apache-arrow takes a tenth of a second to load, so it is loaded only to write an Arrow file. */
async function begin(name: ContainerName, path: string, header: TraceHeader): Promise<Container> {
  if (name === 'sqlite') return new SqliteContainer(path, header)
  const { ArrowContainer } = await import('./arrow-container.ts')
  return new ArrowContainer(path, header)
}

function writeProblem(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || (error as Error).message.includes('directory does not exist')) {
    return new TraceError('BAD_OPTION', `the folder of ${path} is not there`, { cause: error })
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'SQLITE_CANTOPEN') {
    return new TraceError('BAD_OPTION', `${path} cannot be written here`, { cause: error })
  }
  return error
}

class FileWriter implements TraceWriter {
  readonly #path: string
  readonly #header: TraceHeader
  readonly #container: Container
  readonly #counts = { request: 0, block: 0, event: 0, gap: 0, sample: 0 }
  readonly #blockIds = new IdIndex()
  readonly #seqs = new SeqSet()
  /** Digests rows as they pass, as long as they come in order. */
  #encoder: RowEncoder | null = new RowEncoder()
  #lastAtUs = -Infinity
  #lastSeq = -Infinity

  constructor(path: string, header: TraceHeader, container: Container) {
    this.#path = path
    this.#header = header
    this.#container = container
  }

  async addRequests(rows: readonly object[]): Promise<void> {
    await this.addBatch('request', rowsToBatch('request', rows))
  }

  async addRequestBatch(batch: Readonly<{ rowCount: number; columns: RequestColumns }>) {
    await this.addBatch('request', batch)
  }

  async addBlocks(rows: readonly BlockRow[]): Promise<void> {
    await this.addBatch('block', rowsToBatch('block', rows))
  }

  async addEvents(rows: readonly object[]): Promise<void> {
    await this.addBatch('event', rowsToBatch('event', rows))
  }

  async addGaps(rows: readonly object[]): Promise<void> {
    await this.addBatch('gap', rowsToBatch('gap', rows))
  }

  async addSamples(rows: readonly Readonly<{ value: number }>[]): Promise<void> {
    const kept = rows.filter(({ value }) => !Number.isNaN(value))
    await this.addBatch('sample', rowsToBatch('sample', kept))
  }

  async addBatch(table: TableName, given: Batch): Promise<void> {
    const batch = table === 'block' ? this.#newBlocks(given) : given
    if (batch.rowCount === 0) return
    checkBatch(table, batch)
    if (table === 'request') this.#watch(batch)
    this.#container.addBatch(table, batch)
    this.#counts[table] += batch.rowCount
  }

  #newBlocks(batch: Batch): Batch {
    const { id, parent } = batch.columns as Readonly<Record<string, BigUint64Array | undefined>>
    const places: number[] = []
    for (let row = 0; row < batch.rowCount; row += 1) {
      const before = parent?.[row] ?? 0n
      assert(before === 0n || this.#blockIds.has(before), 'a block comes after its parent')
      if (this.#blockIds.add(id?.[row] ?? 0n)) places.push(row)
    }
    return places.length === batch.rowCount ? batch : gatherRows('block', batch, places)
  }

  #watch(batch: Batch): void {
    const atUs = batch.columns['atUs'] as Float64Array
    const seq = batch.columns['seq'] as Float64Array
    this.#seqs.add(seq, batch.rowCount)
    for (let row = 0; row < batch.rowCount && this.#encoder !== null; row += 1) {
      const at = atUs[row] ?? 0
      const number = seq[row] ?? 0
      const isLater = at > this.#lastAtUs || (at === this.#lastAtUs && number > this.#lastSeq)
      if (!isLater) this.#encoder = null
      this.#lastAtUs = at
      this.#lastSeq = number
    }
    this.#encoder?.rows('request', batch)
  }

  async finish(changes: Partial<TraceHeader> = {}): Promise<void> {
    try {
      await this.#container.flush()
      const digest = await digestOf(this.#container.temporaryPath, this.#encoder)
      await this.#container.seal({
        ...this.#header,
        ...changes,
        counts: { ...this.#counts },
        rowDigest: digest,
      })
      await publish(this.#container.temporaryPath, this.#path)
    } catch (error) {
      await this.abandon()
      throw error
    }
  }

  async abandon(): Promise<void> {
    await this.#container.abandon()
    await rm(this.#container.temporaryPath, { force: true })
  }
}

async function digestOf(path: string, begun: RowEncoder | null): Promise<string> {
  const reader = await readContainer(path)
  try {
    return await rowDigest(reader, begun)
  } finally {
    await reader.close()
  }
}
