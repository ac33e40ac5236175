/** Rows that wait to be written, and what they take of memory. Pure. */
import type { BlockRow, EventRow, GapRow, SampleRow } from '../trace/columns.ts'
import type { Row } from './request-row.ts'

/** Measured on rows of streams, without what grows with the answer. */
const ROW_BYTES = 1_500
/** A block is an id, a share of its parent's, a length and its place in a list. */
const BLOCK_BYTES = 100

export class PendingRows {
  /** Without their end, by their number; not those that have been written. */
  readonly open = new Map<number, Row>()
  readonly completed: Row[] = []
  readonly blocks: BlockRow[] = []
  readonly events: EventRow[] = []
  readonly gaps: GapRow[] = []
  readonly samples: SampleRow[] = []
  /** Estimated, of requests and blocks. */
  sizeBytes = 0

  begin(row: Row): void {
    this.forget(row)
    this.open.set(row.seq ?? 0, row)
    this.sizeBytes += weightOf(row)
  }

  /** It is about to be completed, or to be replaced. */
  forget({ seq }: Row): void {
    const before = this.open.get(seq ?? 0)
    if (before === undefined) return
    this.open.delete(seq ?? 0)
    this.sizeBytes -= weightOf(before)
  }

  complete(row: Row): void {
    this.completed.push(row)
    this.sizeBytes += weightOf(row)
  }

  addBlocks(rows: readonly BlockRow[]): void {
    for (const row of rows) this.blocks.push(row)
    this.sizeBytes += rows.length * BLOCK_BYTES
  }

  get requestCount(): number {
    return this.completed.length + this.open.size
  }

  get isEmpty(): boolean {
    const { completed, blocks, events, gaps, samples } = this
    const lists = [completed, blocks, events, gaps, samples]
    return this.open.size === 0 && lists.every(({ length }) => length === 0)
  }
}

function weightOf({ chunkTimes, chunkTokens, chunkKinds, params }: Row): number {
  const grown = [chunkTimes, chunkTokens, chunkKinds, params]
  return grown.reduce((sum, each) => sum + (each?.length ?? 0), ROW_BYTES)
}
