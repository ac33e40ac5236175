/** The first rows of a trace, for a person or a script to look at. Effects: reads the file. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount } from '../base/parse.ts'
import type { RequestColumn } from './columns.ts'
import { openTrace } from './open.ts'
import type { Cell } from './query.ts'
import { ROW_FORMATS, type RowFormat } from './rows-text.ts'
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

function cellsOf(batch: Batch, wanted: readonly ColumnEntry[], row: number): Cell[] {
  return wanted.map(({ key }) => {
    const data = batch.columns[key]
    return data === undefined || isNull(data, row) ? null : (data[row] as Cell)
  })
}
