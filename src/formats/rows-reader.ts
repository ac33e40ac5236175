/** Our own column names back from CSV, JSONL, Parquet and Arrow. Pure. */
import { readArrowColumns } from '../trace/arrow-foreign.ts'
import { fileName, type RequestColumn, type RequestRow } from '../trace/columns.ts'
import { addBasetenRow, BASETEN_COLUMNS } from './baseten.ts'
import { CsvTable } from './csv-table.ts'
import type { JsonRecord } from './fields.ts'
import { hasColumns, hasKeys } from './head.ts'
import {
  jsonLines,
  type BytesImporter,
  type ImportContext,
  type LineImporter,
  type TableImporter,
} from './importer.ts'
import { isParquet } from './parquet-file.ts'
import { readTable, recordsOf } from './parquet-thread.ts'
import { RecordList, type FindImporter } from './record-list.ts'
import { cellOf, columnNamed, PLAIN_COLUMNS } from './row-cells.ts'
import { RowFault } from './row-fault.ts'

const MARKS = ['seq', 'at_us', 'endpoint'] as const
const COLUMN_NAMES = PLAIN_COLUMNS.map(fileName)

export const rowsCsv: LineImporter = {
  name: 'csv',
  title: 'CSV written by this program',
  unit: 'line',
  recognises: (head) => hasColumns(head, ...MARKS),
  begin(context, head) {
    const rows = new PlainRows(context)
    const table = new CsvTable(head)
    let columns: readonly (RequestColumn | null)[] | null = null
    return {
      line(text) {
        const fields = table.row(text)
        if (fields === null) return
        columns ??= table.columns?.map(columnNamed) ?? []
        rows.add(columns.map((name, index) => [name, fields[index]] as const))
      },
      record: (record) => rows.addRecord(record),
      end: () => table.end(),
    }
  },
}

export const rowsJsonl: LineImporter = {
  name: 'jsonl',
  title: 'JSONL written by this program',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, ...MARKS),
  begin(context) {
    const rows = new PlainRows(context)
    return jsonLines((record) => rows.addRecord(record))
  },
}

/** @param findImporter the format that a row is of, if it is not one of ours */
export function parquetOf(findImporter: FindImporter): TableImporter {
  return {
    name: 'parquet',
    title: "Parquet written by this program, Baseten's, or with the columns of a format of lines",
    unit: 'table',
    recognises: isParquet,
    async readTable(source, context, drain) {
      const table = await readTable(source)
      try {
        const { wanted, add, end } = rowsWith(table.names, findImporter, context)
        const known = wanted.filter((name) => table.names.includes(name))
        for await (const run of table.runs(known)) {
          for (const row of recordsOf(run)) add(row)
          await drain()
        }
        end?.()
      } finally {
        await table.close()
      }
    },
  }
}

type RowsWith = Readonly<{
  wanted: readonly string[]
  add: (row: JsonRecord) => void
  end?: () => void
}>

/** What the columns are stands at a file's end, beyond what recognition sees. */
function rowsWith(
  names: readonly string[],
  findImporter: FindImporter,
  context: ImportContext,
): RowsWith {
  if (names.includes(BASETEN_COLUMNS[0])) {
    return { wanted: BASETEN_COLUMNS, add: (row) => addBasetenRow(row, context) }
  }
  if (MARKS.every((name) => names.includes(name))) {
    const rows = new PlainRows(context)
    return { wanted: COLUMN_NAMES, add: (row) => rows.tryRecord(row) }
  }
  const list = new RecordList(findImporter, context)
  // A format is told by its columns, those without a value too.
  const blank = Object.fromEntries(names.map((name) => [name, null]))
  return { wanted: names, add: (row) => list.add({ ...blank, ...row }), end: () => list.end() }
}

/** The header with its clocks and block sizes does not outlive another program: rows do. */
export const rowsArrow: BytesImporter = {
  name: 'arrow',
  title: 'Arrow IPC file that another program wrote from a trace',
  unit: 'bytes',
  recognises: ({ bytes }) => {
    const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return start.toString('latin1', 0, 6) === 'ARROW1' && start.includes('at_us')
  },
  async readBytes(bytes, context) {
    const { rowCount, columns } = readArrowColumns(bytes, COLUMN_NAMES)
    const missing = MARKS.find((name) => columns[name] === undefined)
    if (missing !== undefined) throw new RowFault(`it has no column ${missing}`)
    const rows = new PlainRows(context)
    for (const row of recordsOf({ rowCount, columns })) rows.tryRecord(row)
  },
}

class PlainRows {
  readonly #context: ImportContext
  readonly #seqs = new Set<number>()

  constructor(context: ImportContext) {
    this.#context = context
    context.sink.pinOrigin(0)
  }

  addRecord(record: JsonRecord): void {
    this.add(Object.entries(record).map(([name, value]) => [columnNamed(name), value] as const))
  }

  /** A row that cannot be read is counted, and the rest goes on. */
  tryRecord(record: JsonRecord): void {
    try {
      this.addRecord(record)
    } catch (error) {
      if (!(error instanceof RowFault)) throw error
      this.#context.fault(error.message)
    }
  }

  add(fields: readonly (readonly [RequestColumn | null, unknown])[]): void {
    const cells: Partial<Record<RequestColumn, unknown>> = {}
    for (const [name, value] of fields) {
      if (name !== null) cells[name] = cellOf(name, value)
    }
    const { seq, atUs, ...rest } = cells as Partial<RequestRow>
    if (seq === undefined || seq < 0) throw new RowFault('seq is missing')
    if (atUs === undefined || atUs < 0) throw new RowFault('at_us is missing')
    if (this.#seqs.has(seq)) throw new RowFault('seq is not unique')
    this.#seqs.add(seq)
    this.#context.sink.row(atUs, rest, seq)
  }
}
