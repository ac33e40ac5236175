/** Rows of several traces as one, by (at_us, seq). Pure but for what the readers do. */
import type { RequestColumn } from './columns.ts'
import { newData, pickColumns, type Batch, type ColumnEntry, type Data } from './table.ts'
import type { RequestBatch, TraceReader } from './trace.ts'

const BATCH_ROWS = 16_384

/** One reader and its next row. A reader whose turn is far off holds no rows in memory. */
type Front = {
  readonly rank: number
  readonly reader: TraceReader
  rows: AsyncIterator<Batch> | null
  batch: Batch
  row: number
  atUs: number
  seq: number
}

const NO_ROWS: Batch = { rowCount: 0, columns: {} }

/**
 * A row that two readers have, with the same (at_us, seq), is taken from the later one: there it was
 * written later, and so knows more.
 *
 * @param readers in the order in which they were written
 */
export async function* mergeRequests<K extends RequestColumn>(
  readers: readonly TraceReader[],
  columns: readonly K[],
): AsyncGenerator<RequestBatch<K>> {
  const picked = pickColumns('request', [...new Set<string>(['atUs', 'seq', ...columns])])
  const keys = picked.map(({ key }) => key as RequestColumn)
  let fronts = await firstFronts(readers)
  let out = new RowBuffer(picked)
  while (fronts.length > 0) {
    const front = fronts.reduce((first, other) => (isBefore(other, first) ? other : first))
    if (front.rows === null) {
      front.rows = front.reader.requests(keys)[Symbol.asyncIterator]() as AsyncIterator<Batch>
      if (!(await refill(front))) fronts = fronts.filter((other) => other !== front)
      continue
    }
    const bound = fronts
      .filter((other) => other !== front)
      .reduce<Front | null>(
        (least, other) => (least === null || isBefore(other, least) ? other : least),
        null,
      )
    const end = runEnd(front, bound, out.room)
    out.take(front.batch, front.row, end)
    front.row = end
    if (!(await refill(front))) fronts = fronts.filter((other) => other !== front)
    if (out.room > 0) continue
    yield out.batch() as RequestBatch<K>
    out = out.next()
  }
  if (out.count > 0) yield out.batch() as RequestBatch<K>
}

/** Only the first key of each is read: a recording may have a thousand segments. */
async function firstFronts(readers: readonly TraceReader[]): Promise<Front[]> {
  const fronts: Front[] = []
  for (const [rank, reader] of readers.entries()) {
    for await (const { columns } of reader.requests(['atUs', 'seq'])) {
      const { atUs, seq } = columns
      fronts.push({
        rank,
        reader,
        rows: null,
        batch: NO_ROWS,
        row: 0,
        atUs: atUs[0] ?? 0,
        seq: seq[0] ?? 0,
      })
      break
    }
  }
  return fronts
}

/** Of twins the one that was written later comes first; the other is dropped after it. */
function isBefore(left: Front, right: Front): boolean {
  return (left.atUs - right.atUs || left.seq - right.seq || right.rank - left.rank) < 0
}

/** @returns false once the reader has no more rows */
async function refill(front: Front): Promise<boolean> {
  while (front.row >= front.batch.rowCount) {
    const next = await front.rows?.next()
    if (next === undefined || next.done === true) return false
    front.batch = next.value
    front.row = 0
  }
  front.atUs = (front.batch.columns['atUs'] as Float64Array)[front.row] ?? 0
  front.seq = (front.batch.columns['seq'] as Float64Array)[front.row] ?? 0
  return true
}

/** Where the run of rows ends that come before every other reader's; at least one row. */
function runEnd({ batch, row }: Front, bound: Front | null, room: number): number {
  const limit = Math.min(batch.rowCount, row + room)
  if (bound === null) return limit
  const atUs = batch.columns['atUs'] as Float64Array
  const seq = batch.columns['seq'] as Float64Array
  let end = row + 1
  while (end < limit && ((atUs[end] ?? 0) - bound.atUs || (seq[end] ?? 0) - bound.seq) < 0) end += 1
  return end
}

class RowBuffer {
  readonly #picked: readonly ColumnEntry[]
  readonly #columns: Readonly<Record<string, Data>>
  #lastAtUs: number
  #lastSeq: number
  #count = 0

  constructor(picked: readonly ColumnEntry[], lastAtUs = -Infinity, lastSeq = -Infinity) {
    this.#picked = picked
    this.#columns = Object.fromEntries(
      picked.map(({ key, type }) => [key, newData(type, BATCH_ROWS)]),
    )
    this.#lastAtUs = lastAtUs
    this.#lastSeq = lastSeq
  }

  get count(): number {
    return this.#count
  }

  get room(): number {
    return BATCH_ROWS - this.#count
  }

  /** Copies rows `from` to `to`, which rise; the first may be the twin of the one taken last. */
  take(batch: Batch, from: number, to: number): void {
    const atUs = batch.columns['atUs'] as Float64Array
    const seq = batch.columns['seq'] as Float64Array
    const isTwin = atUs[from] === this.#lastAtUs && seq[from] === this.#lastSeq
    const start = isTwin ? from + 1 : from
    for (const { key } of this.#picked) {
      const source = batch.columns[key] as Data
      const target = this.#columns[key] as Data
      for (let row = start; row < to; row += 1)
        target[this.#count + row - start] = source[row] as never
    }
    this.#count += to - start
    this.#lastAtUs = atUs[to - 1] ?? 0
    this.#lastSeq = seq[to - 1] ?? 0
  }

  batch(): unknown {
    return { rowCount: this.#count, columns: this.#columns }
  }

  /** An empty one that goes on where this one ends. */
  next(): RowBuffer {
    return new RowBuffer(this.#picked, this.#lastAtUs, this.#lastSeq)
  }
}
