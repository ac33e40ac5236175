/** Where two traces differ, row by row. Effects: reads both. */
import { isDeepStrictEqual } from 'node:util'
import { TraceError } from '../base/errors.ts'
import { REQUEST_COLUMN_NAMES, type RequestColumn, type RequestRow } from './columns.ts'
import { compareRows } from './digest.ts'
import type { TraceHeader } from './header.ts'
import { GrowingBlocks } from './growing-blocks.ts'
import { batchToRows, columnsOf } from './table.ts'
import type { TraceReader } from './trace.ts'

export type ColumnDifference = Readonly<{
  column: string
  count: number
  /** The first row that differs, and its two values. */
  seq: number
  left: unknown
  right: unknown
}>

export type TableDifference = Readonly<{ onlyLeft: number; onlyRight: number }>

export type TraceDifference = Readonly<{
  leftCount: number
  rightCount: number
  /** Rows whose seq only one trace has; the first few of them. */
  onlyLeft: Readonly<{ count: number; first: readonly number[] }>
  onlyRight: Readonly<{ count: number; first: readonly number[] }>
  /** Rows that both have, and that differ. */
  changed: number
  columns: readonly ColumnDifference[]
  blocks: TableDifference
  events: TableDifference
  gaps: TableDifference
  samples: TableDifference
  /** Fields of the header, by their names in files; what follows from the rows is left out. */
  header: readonly string[]
  isSame: boolean
}>

/** Rows that wait for their twin in the other trace, both sides together. */
const MAX_WAITING_ROWS = 500_000
const MAX_NAMED_ROWS = 5

/** Above every id. */
const NO_MORE = 2n ** 64n

export async function diffTraces(left: TraceReader, right: TraceReader): Promise<TraceDifference> {
  const rows = new RowMatcher()
  await walkTogether(left, right, rows)
  const requests = rows.finish()
  const blocks = await diffBlocks(left, right)
  const events = diffRows('event', await left.events(), await right.events())
  const gaps = diffRows('gap', await left.gaps(), await right.gaps())
  const samples = await diffSamples(left, right)
  const header = diffHeaders(left.header, right.header)
  const tables = [blocks, events, gaps, samples]
  const isSame =
    requests.changed + requests.onlyLeft.count + requests.onlyRight.count === 0 &&
    tables.every(({ onlyLeft, onlyRight }) => onlyLeft + onlyRight === 0)
  return { ...requests, blocks, events, gaps, samples, header, isSame }
}

/** Both in steps, so that rows that stand at about the same place wait for each other only shortly. */
async function walkTogether(
  left: TraceReader,
  right: TraceReader,
  rows: RowMatcher,
): Promise<void> {
  const sides = [left, right].map((reader) =>
    reader.requests(REQUEST_COLUMN_NAMES)[Symbol.asyncIterator](),
  )
  const counts = [0, 0]
  const isDone = [false, false]
  while (isDone.includes(false)) {
    const behind =
      isDone[0] === true || (isDone[1] === false && (counts[1] ?? 0) < (counts[0] ?? 0)) ? 1 : 0
    const next = await sides[behind]?.next()
    if (next === undefined || next.done === true) {
      isDone[behind] = true
      continue
    }
    counts[behind] = (counts[behind] ?? 0) + next.value.rowCount
    rows.add(behind === 0 ? 'left' : 'right', batchToRows('request', next.value))
  }
}

class RowMatcher {
  readonly #waiting = { left: new Map<number, RequestRow>(), right: new Map<number, RequestRow>() }
  readonly #counts = { left: 0, right: 0 }
  readonly #columns = new Map<string, ColumnDifference>()
  #changed = 0

  add(side: 'left' | 'right', rows: readonly RequestRow[]): void {
    const { left, right } = this.#waiting
    for (const row of rows) {
      this.#counts[side] += 1
      const others = side === 'left' ? right : left
      const twin = others.get(row.seq)
      if (twin === undefined) this.#waiting[side].set(row.seq, row)
      else {
        others.delete(row.seq)
        if (side === 'left') this.#compare(row, twin)
        else this.#compare(twin, row)
      }
    }
    if (left.size + right.size <= MAX_WAITING_ROWS) return
    throw new TraceError(
      'FAILED',
      `more than ${MAX_WAITING_ROWS} rows have no twin in the other trace`,
      {
        hint: 'These are different traces; `trace compare` compares what they amount to.',
      },
    )
  }

  #compare(left: RequestRow, right: RequestRow): void {
    let isChanged = false
    for (const { key, file } of columnsOf('request')) {
      const values = [left[key as RequestColumn], right[key as RequestColumn]]
      if (isSameValue(values[0], values[1])) continue
      isChanged = true
      const known = this.#columns.get(file)
      const first = { column: file, count: 0, seq: left.seq, left: values[0], right: values[1] }
      this.#columns.set(file, { ...(known ?? first), count: (known?.count ?? 0) + 1 })
    }
    this.#changed += Number(isChanged)
  }

  finish() {
    return {
      leftCount: this.#counts.left,
      rightCount: this.#counts.right,
      onlyLeft: namedRows(this.#waiting.left),
      onlyRight: namedRows(this.#waiting.right),
      changed: this.#changed,
      columns: [...this.#columns.values()],
    }
  }
}

function namedRows(rows: ReadonlyMap<number, RequestRow>) {
  const first = [...rows.keys()].toSorted((a, b) => a - b).slice(0, MAX_NAMED_ROWS)
  return { count: rows.size, first }
}

function isSameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (!(left instanceof Uint8Array) || !(right instanceof Uint8Array)) return false
  return Buffer.compare(left, right) === 0
}

/** A block that both have, but with another parent or length, is only in either. */
async function diffBlocks(left: TraceReader, right: TraceReader): Promise<TableDifference> {
  const [one, other] = [await sortedBlocks(left), await sortedBlocks(right)]
  const at = [0, 0] as [number, number]
  const found = { onlyLeft: 0, onlyRight: 0 }
  while (at[0] < one.rowCount || at[1] < other.rowCount) {
    const [leftId, rightId] = [one.id[at[0]] ?? NO_MORE, other.id[at[1]] ?? NO_MORE]
    const isTwin =
      leftId === rightId &&
      one.parent[at[0]] === other.parent[at[1]] &&
      Object.is(one.tokens[at[0]], other.tokens[at[1]])
    if (leftId <= rightId) at[0] += 1
    if (rightId <= leftId) at[1] += 1
    found.onlyLeft += Number(leftId <= rightId && !isTwin)
    found.onlyRight += Number(rightId <= leftId && !isTwin)
  }
  return found
}

async function sortedBlocks(reader: TraceReader) {
  const blocks = new GrowingBlocks()
  for await (const batch of reader.blocks()) blocks.add(batch)
  return blocks.sortedById()
}

/** Rows without a number of their own: equal ones cancel out. */
function diffRows(
  table: 'event' | 'gap' | 'sample',
  left: readonly object[],
  right: readonly object[],
): TableDifference {
  const compare = compareRows(table)
  const sides = [left.toSorted(compare), right.toSorted(compare)] as const
  const at = [0, 0] as [number, number]
  let onlyLeft = 0
  let onlyRight = 0
  while (at[0] < sides[0].length || at[1] < sides[1].length) {
    const [one, other] = [sides[0][at[0]], sides[1][at[1]]]
    const order = one === undefined ? 1 : other === undefined ? -1 : compare(one, other)
    if (order < 0) onlyLeft += 1
    if (order > 0) onlyRight += 1
    if (order <= 0) at[0] += 1
    if (order >= 0) at[1] += 1
  }
  return { onlyLeft, onlyRight }
}

/** Samples of one instant are compared with those of the same instant. */
async function diffSamples(left: TraceReader, right: TraceReader): Promise<TableDifference> {
  const sides = await Promise.all([left, right].map(gatherSamples))
  return diffRows('sample', sides[0] ?? [], sides[1] ?? [])
}

async function gatherSamples(reader: TraceReader): Promise<object[]> {
  const gathered: object[] = []
  for await (const rows of reader.samples()) {
    gathered.push(...rows)
    if (gathered.length > MAX_WAITING_ROWS * 4) {
      throw new TraceError('FAILED', 'more samples than can be compared in memory')
    }
  }
  return gathered
}

/** Who wrote the file and what follows from its rows is not a difference. */
const DERIVED = new Set(['counts', 'rowDigest', 'signatures', 'producer', 'producerVersion'])

function diffHeaders(left: TraceHeader, right: TraceHeader): string[] {
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  return keys.filter((key) => {
    if (DERIVED.has(key)) return false
    const name = key as keyof TraceHeader
    return !isDeepStrictEqual(left[name], right[name])
  })
}
