/** A trace in memory, for what reads traces: rows and blocks as objects, in the order of the reader. */
import {
  BLOCK_COLUMNS,
  REQUEST_COLUMNS,
  type BlockRow,
  type RequestColumn,
  type RequestRow,
} from '../../src/trace/columns.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import type { TraceReader } from '../../src/trace/trace.ts'

export type MemoryTrace = Readonly<{
  rows: readonly Partial<RequestRow>[]
  blocks?: readonly BlockRow[]
  header?: Partial<TraceHeader>
}>

export function memoryTrace({ rows, blocks = [], header = {} }: MemoryTrace): TraceReader {
  const ordered = rows.toSorted(
    (a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.seq ?? 0) - (b.seq ?? 0),
  )
  const counts = { request: rows.length, block: blocks.length, event: 0, gap: 0, sample: 0 }
  return {
    header: newHeader('recorded', { counts, ...header }),
    isComplete: true,
    async *requests(columns) {
      yield { rowCount: ordered.length, columns: columnsOf(ordered, columns, REQUEST_COLUMNS) }
    },
    async *blocks() {
      const names = Object.keys(BLOCK_COLUMNS)
      yield { rowCount: blocks.length, columns: columnsOf(blocks, names, BLOCK_COLUMNS) }
    },
    events: async () => [],
    gaps: async () => [],
    async *samples() {},
    close: async () => {},
  }
}

type Table = Readonly<Record<string, Readonly<{ type: string }>>>

function columnsOf(rows: readonly object[], names: readonly string[], table: Table): never {
  return Object.fromEntries(
    names.map((name) => {
      const cells = rows.map((row) => (row as Record<string, unknown>)[name] ?? null)
      return [name, packed(cells, table[name]?.type ?? '')]
    }),
  ) as never
}

function packed(cells: readonly unknown[], type: string): unknown {
  if (type === 'id') return BigUint64Array.from(cells, (cell) => (cell as bigint | null) ?? 0n)
  if (type === 'text' || type === 'json' || type === 'bytes') return cells
  return Float64Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell)))
}

/** Rows that a reader gives, back as objects with nulls left out. */
export async function rowsOf(reader: TraceReader): Promise<Partial<RequestRow>[]> {
  const names = Object.keys(REQUEST_COLUMNS) as RequestColumn[]
  const rows: Partial<RequestRow>[] = []
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let row = 0; row < rowCount; row += 1) {
      const cells = names.flatMap((name) => {
        const value: unknown = columns[name][row]
        const isNull = value === null || value === 0n || Number.isNaN(value) || value === undefined
        return isNull ? [] : [[name, value] as const]
      })
      rows.push(Object.fromEntries(cells))
    }
  }
  return rows
}
