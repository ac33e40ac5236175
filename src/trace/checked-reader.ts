/** A trace whose files are being checked while it is read. Pure but for what reader and check do. */
import { nextTurn } from '../base/clock.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow } from './columns.ts'
import type { FileCheck } from './file-check.ts'
import type { TraceHeader } from './header.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

/** No table is read to its end before the check has passed. Between batches signals are heard. */
export class CheckedReader implements TraceReader {
  readonly header: TraceHeader
  readonly isComplete: boolean
  readonly #reader: TraceReader
  readonly #check: FileCheck

  constructor(reader: TraceReader, check: FileCheck) {
    this.header = reader.header
    this.isComplete = reader.isComplete
    this.#reader = reader
    this.#check = check
  }

  async *requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    for await (const batch of this.#reader.requests(columns)) {
      yield batch
      await nextTurn()
    }
    await this.#check.passed()
  }

  async *blocks(): AsyncIterable<BlockBatch> {
    yield* this.#reader.blocks()
    await this.#check.passed()
  }

  async events(): Promise<EventRow[]> {
    const rows = await this.#reader.events()
    await this.#check.passed()
    return rows
  }

  async gaps(): Promise<GapRow[]> {
    const rows = await this.#reader.gaps()
    await this.#check.passed()
    return rows
  }

  async *samples(): AsyncIterable<SampleRow[]> {
    yield* this.#reader.samples()
    await this.#check.passed()
  }

  async close(): Promise<void> {
    this.#check.stop()
    await this.#reader.close()
  }
}
