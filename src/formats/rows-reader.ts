/** Our own column names back from CSV, JSONL, Parquet and Arrow. Pure. */
import { readArrowColumns } from '../trace/arrow-foreign.ts'
import { fileName, type RequestColumn, type RequestRow } from '../trace/columns.ts'
import { baseten, BASETEN_MARK } from './baseten.ts'
import { CsvTable } from './csv-table.ts'
import type { JsonRecord } from './fields.ts'
import { hasColumns, hasKeys } from './head.ts'
import { jsonLines, type BytesImporter, type ImportContext, type LineImporter } from './importer.ts'
import { isParquet } from './parquet-file.ts'
import { parquetRows } from './parquet-thread.ts'
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
export function parquetOf(findImporter: FindImporter): BytesImporter {
  return {
    name: 'parquet',
    title: "Parquet written by this program, Baseten's, or with the columns of a format of lines",
    unit: 'bytes',
    recognises: isParquet,
    async readBytes(bytes, context) {
      // What the columns are stands at the file's end, beyond what recognition sees.
      const names = await parquetRows({ bytes, needed: [], wanted: [] }, () => {})
      if (names.includes(BASETEN_MARK)) {
        await baseten.readBytes(bytes, context)
        return
      }
      if (!MARKS.every((name) => names.includes(name))) {
        await readOther(bytes, names, new RecordList(findImporter, context))
        return
      }
      const rows = new PlainRows(context)
      const question = { bytes, needed: MARKS, wanted: COLUMN_NAMES }
      await parquetRows(question, (row) => rows.tryRecord(row))
    },
  }
}

/** Rows of a format that otherwise has one a line, e.g. Azure's, Mooncake's or BurstGPT's. */
async function readOther(
  bytes: Uint8Array,
  names: readonly string[],
  list: RecordList,
): Promise<void> {
  const question = { bytes, needed: names.slice(0, 1), wanted: names }
  await parquetRows(question, (row) => list.add(row))
  list.end()
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
    const cells = Object.entries(columns)
    for (let row = 0; row < rowCount; row += 1) {
      rows.tryRecord(Object.fromEntries(cells.map(([name, values]) => [name, values[row]])))
    }
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
