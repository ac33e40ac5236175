/** Reads one Arrow trace, whole or cut off. Effects: reads the file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { nextTurn } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { ColumnDecoder } from './arrow-columns.ts'
import {
  foreign,
  memorySource,
  readBatch,
  scanArrow,
  unreadable,
  type ArrowPlace,
  type ByteSource,
} from './arrow-file.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow, TableName } from './columns.ts'
import { compareRows } from './digest.ts'
import { parseHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { keepWithin, type LimitName } from './limits.ts'
import { BlockGuard, OrderGuard } from './row-order.ts'
import { mergeSamples, type SampleSource } from './sample-merge.ts'
import { batchToRows, columnsOf, pickColumns, type Batch, type ColumnEntry } from './table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

/** Keys of the metadata; see docs/trace-format.md. */
export const ARROW_KEYS = {
  header: 'trace.header',
  end: 'trace.end',
  table: 'trace.table',
  part: 'trace.part',
} as const

type Contents = {
  requests: ArrowPlace[]
  parts: { table: TableName; place: ArrowPlace; rowCount: number }[]
  end: string | null
  requestCount: number
}

export function readArrow(path: string): TraceReader {
  const file = openSync(path, 'r')
  try {
    const source = fileSource(path, file)
    const arrow = scanArrow(source)
    const start = arrow.metadata.get(ARROW_KEYS.header)
    if (start === undefined) throw foreign(source)
    parseHeader(start)
    const contents = sortPlaces(source, arrow.places)
    const header = parseHeader(contents.end ?? start)
    checkCounts(source, header, contents)
    const decoder = new ColumnDecoder(source, arrow.fields)
    const isComplete = contents.end !== null && arrow.hasFooter
    return new ArrowReader(source, file, header, isComplete, contents, decoder)
  } catch (error) {
    closeSync(file)
    throw error
  }
}

function fileSource(path: string, file: number): ByteSource {
  return {
    path,
    sizeBytes: fstatSync(file).size,
    read(offset, lengthBytes) {
      const bytes = Buffer.allocUnsafeSlow(lengthBytes)
      if (readSync(file, bytes, 0, lengthBytes, offset) === lengthBytes) return bytes
      throw new TraceError('TRACE_UNREADABLE', `${path}: cut off while it was read`)
    },
  }
}

function sortPlaces(source: ByteSource, places: readonly ArrowPlace[]): Contents {
  const contents: Contents = { requests: [], parts: [], end: null, requestCount: 0 }
  for (const place of places) {
    if (contents.end !== null) throw unreadable(source, 'it goes on after its end mark')
    const { rowCount, metadata } = readBatch(source, place)
    contents.end = metadata.get(ARROW_KEYS.end) ?? null
    const table = metadata.get(ARROW_KEYS.table)
    if (table === 'block' || table === 'event' || table === 'gap' || table === 'sample') {
      contents.parts.push({ table, place, rowCount })
    } else if (rowCount > 0) contents.requests.push(place)
    contents.requestCount += rowCount
    keepWithin('MAX_ROWS', contents.requestCount, source.path)
  }
  return contents
}

function checkCounts(source: ByteSource, { counts }: TraceHeader, contents: Contents): void {
  if (contents.end === null || counts === null || counts.request === contents.requestCount) return
  throw unreadable(source, `${counts.request} requests announced, ${contents.requestCount} found`)
}

class ArrowReader implements TraceReader {
  readonly header: TraceHeader
  readonly isComplete: boolean
  readonly #source: ByteSource
  readonly #file: number
  readonly #contents: Contents
  readonly #decoder: ColumnDecoder

  constructor(
    source: ByteSource,
    file: number,
    header: TraceHeader,
    isComplete: boolean,
    contents: Contents,
    decoder: ColumnDecoder,
  ) {
    this.#source = source
    this.#file = file
    this.header = header
    this.isComplete = isComplete
    this.#contents = contents
    this.#decoder = decoder
  }

  async *requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    const picked = pickColumns('request', [...new Set<RequestColumn>(['atUs', 'seq', ...columns])])
    const guard = new OrderGuard(this.#source.path)
    for (const place of this.#contents.requests) {
      const batch = decodeBatch(this.#source, place, this.#decoder, picked)
      const { atUs, seq } = batch.columns as Record<string, Float64Array>
      guard.check(atUs as Float64Array, seq as Float64Array, batch.rowCount)
      yield batch as RequestBatch<K>
      await nextTurn()
    }
  }

  async *blocks(): AsyncIterable<BlockBatch> {
    const guard = new BlockGuard(this.#source.path, this.header.counts?.block)
    for (const { batch } of this.#batches('block', 'MAX_BLOCKS')) {
      guard.check(batch)
      yield batch as unknown as BlockBatch
    }
  }

  async events(): Promise<EventRow[]> {
    return this.#rows('event', 'MAX_EVENTS')
  }

  async gaps(): Promise<GapRow[]> {
    return this.#rows('gap', 'MAX_GAPS')
  }

  /** Each part is by time, but parts may overlap. The first pass counts, and finds where each begins. */
  async *samples(): AsyncIterable<SampleRow[]> {
    const sources: SampleSource[] = []
    for (const { batch, place } of this.#batches('sample', 'MAX_SAMPLES')) {
      if (batch.rowCount === 0) continue
      const firstAtUs = (batch.columns['atUs'] as Float64Array).reduce((a, b) => Math.min(a, b))
      sources.push({ firstAtUs, rows: () => this.#samplesOf(place) })
    }
    yield* mergeSamples(sources)
  }

  async *#samplesOf(place: ArrowPlace): AsyncGenerator<SampleRow[]> {
    const rows = batchToRows('sample', this.#part('sample', place))
    yield rows.toSorted((left, right) => left.atUs - right.atUs)
  }

  async close(): Promise<void> {
    closeSync(this.#file)
  }

  #rows<T extends 'event' | 'gap'>(table: T, limit: LimitName) {
    const rows = [...this.#batches(table, limit)].flatMap(({ batch }) => batchToRows(table, batch))
    return rows.toSorted(compareRows(table))
  }

  *#batches(
    table: TableName,
    limit: LimitName,
  ): Generator<Readonly<{ batch: Batch; place: ArrowPlace }>> {
    let total = 0
    for (const { place } of this.#contents.parts.filter((part) => part.table === table)) {
      const batch = this.#part(table, place)
      total += batch.rowCount
      keepWithin(limit, total, this.#source.path)
      yield { batch, place }
    }
    const announced = this.header.counts?.[table]
    if (this.isComplete && announced !== undefined && announced !== total) {
      throw unreadable(this.#source, `${announced} rows of ${table} announced, ${total} found`)
    }
  }

  /** A part is an Arrow file of its own, of one batch, as base64 in the metadata of a batch without rows. */
  #part(table: TableName, place: ArrowPlace): Batch {
    const text = readBatch(this.#source, place).metadata.get(ARROW_KEYS.part) ?? ''
    const part = memorySource(this.#source.path, Buffer.from(text, 'base64'))
    const { fields, places, hasFooter } = scanArrow(part)
    const [inner] = places
    if (!hasFooter || inner === undefined || places.length > 1) {
      throw unreadable(this.#source, `a part of ${table} is damaged`)
    }
    return decodeBatch(part, inner, new ColumnDecoder(part, fields), columnsOf(table))
  }
}

function decodeBatch(
  source: ByteSource,
  place: ArrowPlace,
  decoder: ColumnDecoder,
  columns: readonly ColumnEntry[],
): Batch {
  const batch = readBatch(source, place)
  const entries = columns.map(({ key, file, type }) => [key, decoder.decode(batch, file, type)])
  return { rowCount: batch.rowCount, columns: Object.fromEntries(entries) as Batch['columns'] }
}
