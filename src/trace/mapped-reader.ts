/** A trace seen through a mapping of its times, numbers and ids, so that it fits beside others. Pure. */
import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import type { EventRow, GapRow, RequestColumn, SampleRow } from './columns.ts'
import type { TraceHeader } from './header.ts'
import { jsonList } from './json-column.ts'
import type { Data } from './table.ts'
import type { BlockBatch, RequestBatch, TraceReader } from './trace.ts'

export type Mapping = Readonly<{
  shiftUs: number
  /** Added to every number of a row. */
  seqBase: number
  /** Sets ids, sessions and tenants apart from those of other traces; null where they are shared. */
  apart: string | null
}>

const SHIFTED = ['seq', 'parentSeq', 'attemptOf'] as const
const NAMED = ['session', 'tenant'] as const
const KEYED = ['prefixLeaf', 'answerLeaf'] as const

export class MappedReader implements TraceReader {
  readonly header: TraceHeader
  readonly isComplete: boolean
  readonly #reader: TraceReader
  readonly #mapping: Mapping

  constructor(reader: TraceReader, mapping: Mapping) {
    this.header = reader.header
    this.isComplete = reader.isComplete
    this.#reader = reader
    this.#mapping = mapping
  }

  async *requests<K extends RequestColumn>(columns: readonly K[]): AsyncIterable<RequestBatch<K>> {
    const { shiftUs, seqBase, apart } = this.#mapping
    for await (const batch of this.#reader.requests(columns)) {
      const mapped: Record<string, Data> = { ...(batch.columns as Record<string, Data>) }
      replace(mapped, 'atUs', (value: number) => value + shiftUs)
      for (const key of SHIFTED) replace(mapped, key, (value: number) => value + seqBase)
      const { seq } = batch.columns as Partial<RequestBatch['columns']>
      replace(mapped, 'dependencies', (json: string | null, row) =>
        moveDependencies(json, seqBase, seq?.[row]),
      )
      if (apart !== null) {
        const name = (text: string | null) => (text === null ? null : `${apart}.${text}`)
        for (const key of NAMED) replace(mapped, key, name)
        for (const key of KEYED) replace(mapped, key, (id: bigint) => idApart(apart, id))
      }
      yield { rowCount: batch.rowCount, columns: mapped } as unknown as RequestBatch<K>
    }
  }

  async *blocks(): AsyncIterable<BlockBatch> {
    const { apart } = this.#mapping
    for await (const { rowCount, columns } of this.#reader.blocks()) {
      if (apart === null) {
        yield { rowCount, columns }
        continue
      }
      const id = columns.id.map((value) => idApart(apart, value))
      const parent = columns.parent.map((value) => idApart(apart, value))
      yield { rowCount, columns: { ...columns, id, parent } }
    }
  }

  async events(): Promise<EventRow[]> {
    const rows = await this.#reader.events()
    return rows.map((row) => ({ ...row, atUs: row.atUs + this.#mapping.shiftUs }))
  }

  async gaps(): Promise<GapRow[]> {
    const { shiftUs } = this.#mapping
    const rows = await this.#reader.gaps()
    return rows.map((row) => ({ ...row, fromUs: row.fromUs + shiftUs, toUs: row.toUs + shiftUs }))
  }

  async *samples(): AsyncIterable<SampleRow[]> {
    for await (const rows of this.#reader.samples()) {
      yield rows.map((row) => ({ ...row, atUs: row.atUs + this.#mapping.shiftUs }))
    }
  }

  async close(): Promise<void> {
    await this.#reader.close()
  }
}

/** A new array, because the reader may use its own again. NaN, null and 0n stay what they are. */
function replace<T>(
  columns: Record<string, Data>,
  key: string,
  map: (value: T, index: number) => T,
): void {
  const data = columns[key]
  if (data === undefined) return
  columns[key] = (data as unknown as { map(map: (value: T, index: number) => T): Data }).map(map)
}

function moveDependencies(json: string | null, seqBase: number, row?: number): string | null {
  if (json === null || seqBase === 0) return json
  const rows = jsonList(json, 'request.dependencies', row) as readonly ({ seq?: unknown } | null)[]
  return canonicalJson(
    rows.map((one) => (typeof one?.seq === 'number' ? { ...one, seq: one.seq + seqBase } : one)),
  )
}

/** The same id in two namespaces becomes two ids; 64 bits of a hash do not meet by chance. */
function idApart(apart: string, id: bigint): bigint {
  if (id === 0n) return 0n
  const digest = createHash('sha256').update(`${apart}\n${id}`).digest()
  return digest.readBigUInt64BE(0) || 1n
}
