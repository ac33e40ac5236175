/** The first rows of a trace, for a person or a script to look at. Effects: reads the file. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount } from '../base/parse.ts'
import type { RequestColumn } from './columns.ts'
import { openTrace } from './open.ts'
import type { Cell } from './query.ts'
import { COLUMN_GAP, columnWidths, ROW_FORMATS, type RowFormat } from './rows-text.ts'
import { columnsOf, hasValue, isNull, type Batch, type ColumnEntry } from './table.ts'

export type HeadOptions = Readonly<{
  path: string
  rowCount: number
  /** In files' names; null for those that have values in these rows. */
  columns: readonly string[] | null
  format: RowFormat
}>

export type RawHeadOptions = Readonly<{ rows: string; columns?: string; format: string }>

export const HEAD_DEFAULTS = { rows: '10', format: 'table' } as const

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseHeadOptions(path: string, raw: RawHeadOptions): HeadOptions {
  const columns = raw.columns?.split(',') ?? null
  const known = columnsOf('request').map(({ file }) => file)
  const stranger = columns?.find((name) => !known.includes(name))
  if (stranger !== undefined) {
    throw new TraceError('BAD_OPTION', `--columns: a request has no column '${stranger}'`, {
      hint: 'docs/trace-format.md lists them.',
    })
  }
  return {
    path,
    rowCount: parseCount('--rows', raw.rows, 1),
    columns,
    format: parseChoice('--format', raw.format, ROW_FORMATS),
  }
}

export type HeadRows = Readonly<{ columns: readonly string[]; rows: Cell[][] }>

/** Without --columns the packed lists are left out: they are not for reading. */
export async function readHead({ path, rowCount, columns }: HeadOptions): Promise<HeadRows> {
  const reader = await openTrace(path)
  try {
    const wanted = columnsOf('request').filter(({ file, type }) =>
      columns === null ? type !== 'bytes' : columns.includes(file),
    )
    const rows: Cell[][] = []
    const isUsed = wanted.map(() => columns !== null)
    for await (const batch of reader.requests(wanted.map(({ key }) => key as RequestColumn))) {
      const count = Math.min(batch.rowCount, rowCount - rows.length)
      for (const [index, { key }] of wanted.entries()) {
        isUsed[index] ||= hasValue((batch as Batch).columns[key], count)
      }
      for (let row = 0; row < count; row += 1) rows.push(cellsOf(batch, wanted, row))
      if (rows.length >= rowCount) break
    }
    return {
      columns: wanted.filter((_, index) => isUsed[index]).map(({ file }) => file),
      rows: rows.map((row) => row.filter((_, index) => isUsed[index])),
    }
  } finally {
    await reader.close()
  }
}

/** What a reader looks for first; the others follow as the file has them. */
const FIRST_COLUMNS = [
  'seq',
  'at_us',
  'prompt_tokens',
  'output_tokens',
  'ttft_us',
  'e2e_us',
  'outcome',
  'model',
  'session',
  'turn',
]

/** Leaves out the columns for which a terminal has no room. */
export function fitRows({ columns, rows }: HeadRows, terminalColumns: number): HeadRows {
  const widths = columnWidths(columns, rows)
  const byRank = columns
    .map((_, at) => at)
    .toSorted((a, b) => rankOf(columns[a]!) - rankOf(columns[b]!))
  let room = terminalColumns + COLUMN_GAP
  const shown = byRank.filter((at) => {
    room -= widths[at]! + COLUMN_GAP
    return room >= 0
  })
  const kept = shown.toSorted((a, b) => a - b)
  return {
    columns: kept.map((at) => columns[at]!),
    rows: rows.map((row) => kept.map((at) => row[at]!)),
  }
}

function rankOf(column: string): number {
  return FIRST_COLUMNS.indexOf(column) + 1 || FIRST_COLUMNS.length + 1
}

function cellsOf(batch: Batch, wanted: readonly ColumnEntry[], row: number): Cell[] {
  return wanted.map(({ key }) => {
    const data = batch.columns[key]
    return data === undefined || isNull(data, row) ? null : (data[row] as Cell)
  })
}
