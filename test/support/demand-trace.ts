/** A trace of plain requests in memory: a test says only what is special about each. */
import {
  BLOCK_COLUMNS,
  REQUEST_COLUMNS,
  type BlockRow,
  type ColumnType,
  type RequestRow,
} from '../../src/trace/columns.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import type { TraceReader } from '../../src/trace/trace.ts'

/** Rows get seq 0, 1, …, a chat stream of 100 prompt and 10 output tokens, unless they say otherwise. */
export function demandTrace(
  rows: readonly Partial<RequestRow>[],
  blocks: readonly BlockRow[] = [],
  header: Partial<TraceHeader> = {},
): TraceReader {
  const full = rows
    .map((row, seq) => ({
      seq,
      atUs: 0,
      endpoint: 'chat',
      stream: true,
      promptTokens: 100,
      outputTokens: 10,
      outcome: 'ok',
      status: 200,
      ...row,
    }))
    .toSorted((a, b) => a.atUs - b.atUs || a.seq - b.seq)
  return {
    header: newHeader('synthetic', { rowDigest: 'ab'.repeat(32), ...header }),
    isComplete: true,
    async *requests(columns) {
      yield { rowCount: full.length, columns: columnsOf(full, REQUEST_COLUMNS, columns) as never }
    },
    async *blocks() {
      const names = Object.keys(BLOCK_COLUMNS)
      yield { rowCount: blocks.length, columns: columnsOf(blocks, BLOCK_COLUMNS, names) as never }
    },
    events: async () => [],
    gaps: async () => [],
    async *samples() {},
    close: async () => {},
  }
}

function columnsOf(
  rows: readonly object[],
  table: Readonly<Record<string, { type: ColumnType }>>,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => {
      const values = rows.map((row) => (row as Record<string, unknown>)[name])
      const type = table[name]?.type
      if (type === 'id')
        return [name, BigUint64Array.from(values, (id) => (id as bigint | null) ?? 0n)]
      if (type === 'text' || type === 'json' || type === 'bytes') {
        return [name, values.map((value) => value ?? null)]
      }
      const numbers = values.map((value) =>
        value === null || value === undefined ? NaN : Number(value),
      )
      return [name, Float64Array.from(numbers)]
    }),
  )
}
