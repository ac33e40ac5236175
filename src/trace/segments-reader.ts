/** The segments of one recording read as one trace. Pure but for what the readers do. */
import { TraceError } from '../base/errors.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow } from './columns.ts'
import { compareRows } from './digest.ts'
import type { TraceHeader } from './header.ts'
import { IdIndex } from './id-index.ts'
import { mergeRequests } from './merge.ts'
import { gatherRows } from './table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

/**
 * @param readers at least one, in the order in which the segments were begun
 * @throws TraceError TRACE_UNREADABLE if they are not of one recording
 */
export function joinSegments(path: string, readers: readonly TraceReader[]): TraceReader {
  const [first] = readers
  if (readers.length === 1 && first !== undefined) return first
  const stranger = readers.find(({ header }) => header.originWallUs !== first?.header.originWallUs)
  if (stranger !== undefined) {
    throw new TraceError('TRACE_UNREADABLE', `${path} holds traces with different origins`, {
      hint: 'Name one of its files, or join them with `trace merge`.',
    })
  }
  return new SegmentsReader(readers)
}

class SegmentsReader implements TraceReader {
  readonly header: TraceHeader
  readonly isComplete: boolean
  readonly #readers: readonly TraceReader[]

  constructor(readers: readonly TraceReader[]) {
    this.#readers = readers
    this.header = joinHeaders(readers.map(({ header }) => header))
    this.isComplete = readers.every(({ isComplete }) => isComplete)
  }

  requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    return mergeRequests(this.#readers, columns)
  }

  /** Each segment has the whole chain of its rows, so most ids come more than once. */
  async *blocks(): AsyncIterable<BlockBatch> {
    const seen = new IdIndex()
    for (const reader of this.#readers) {
      for await (const batch of reader.blocks()) {
        const ids = batch.columns.id
        const places: number[] = []
        for (let row = 0; row < batch.rowCount; row += 1) {
          if (seen.add(ids[row] ?? 0n)) places.push(row)
        }
        if (places.length > 0) yield gatherRows('block', batch, places) as unknown as BlockBatch
      }
    }
  }

  async events(): Promise<EventRow[]> {
    const rows = await Promise.all(this.#readers.map(async (reader) => reader.events()))
    return rows.flat().toSorted(compareRows('event'))
  }

  async gaps(): Promise<GapRow[]> {
    const rows = await Promise.all(this.#readers.map(async (reader) => reader.gaps()))
    return rows.flat().toSorted(compareRows('gap'))
  }

  /** Segments follow each other in time, but their edges may overlap by the batches under way. */
  async *samples(): AsyncIterable<SampleRow[]> {
    const fronts = await Promise.all(
      this.#readers.map(async (reader) =>
        nextFront({ rest: reader.samples()[Symbol.asyncIterator](), rows: [] }),
      ),
    )
    let open = fronts.filter((front) => front.rows.length > 0)
    while (open.length > 0) {
      const front = open.reduce((least, other) => (atOf(other) < atOf(least) ? other : least))
      const bound = Math.min(...open.filter((other) => other !== front).map(atOf))
      const split = front.rows.findIndex(({ atUs }) => atUs > bound)
      const count = split < 0 ? front.rows.length : Math.max(1, split)
      yield front.rows.slice(0, count)
      front.rows = front.rows.slice(count)
      if (front.rows.length === 0) await nextFront(front)
      open = open.filter((other) => other.rows.length > 0)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map(async (reader) => reader.close()))
  }
}

type SampleFront = { rest: AsyncIterator<SampleRow[]>; rows: SampleRow[] }

async function nextFront(front: SampleFront): Promise<SampleFront> {
  const next = await front.rest.next()
  if (next.done !== true) front.rows = next.value
  return front
}

function atOf({ rows }: SampleFront): number {
  return rows[0]?.atUs ?? Infinity
}

/** What the last segment says, and what only all of them together know. */
function joinHeaders(headers: readonly TraceHeader[]): TraceHeader {
  const last = headers.at(-1) as TraceHeader
  return {
    ...last,
    clock: { ...last.clock, anchors: headers.flatMap(({ clock }) => clock.anchors) },
    // Blocks and moved rows are told apart only by reading them, so sums would be wrong.
    counts: null,
    rowDigest: null,
    signatures: [],
    interrupted: headers.some(({ interrupted }) => interrupted),
  }
}
