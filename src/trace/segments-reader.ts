/** The segments of one recording read as one trace. Pure but for what the readers do. */
import { TraceError } from '../base/errors.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow } from './columns.ts'
import { compareRows } from './digest.ts'
import type { ClockAnchor, TraceHeader } from './header.ts'
import { IdIndex } from './id-index.ts'
import { mergeSamples, type SampleSource } from './sample-merge.ts'
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

  async *samples(): AsyncIterable<SampleRow[]> {
    const sources: SampleSource[] = []
    for (const reader of this.#readers) {
      for await (const [first] of reader.samples()) {
        sources.push({ firstAtUs: first?.atUs ?? 0, rows: () => reader.samples() })
        break
      }
    }
    yield* mergeSamples(sources)
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map(async (reader) => reader.close()))
  }
}

/** What the last segment says, and what only all of them together know. */
function joinHeaders(headers: readonly TraceHeader[]): TraceHeader {
  const last = headers.at(-1) as TraceHeader
  return {
    ...last,
    clock: { ...last.clock, anchors: joinAnchors(headers) },
    // Blocks and moved rows are told apart only by reading them, so sums would be wrong.
    counts: null,
    rowDigest: null,
    signatures: [],
    interrupted: headers.some(({ interrupted }) => interrupted),
  }
}

/** Each segment repeats the one of the recording's beginning. */
function joinAnchors(headers: readonly TraceHeader[]): ClockAnchor[] {
  const anchors = headers.flatMap(({ clock }) => clock.anchors)
  const byTime = new Map(anchors.map((anchor) => [`${anchor.atUs} ${anchor.wallUs}`, anchor]))
  return [...byTime.values()].toSorted((left, right) => left.atUs - right.atUs)
}
