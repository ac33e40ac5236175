/** Rows of a CSV file by the names in its header, in whatever order, capitals and separator. Pure. */
import { CsvRecords } from './csv-text.ts'
import { columnName, type Head } from './head.ts'
import type { LineReader } from './importer.ts'
import { jsonText } from './json-text.ts'

/** What stands under a name, without blanks round it; undefined where the file has no such column. */
export type CsvField = (name: string) => string | undefined

/** The names of the first record, then the fields of each that follows. */
export class CsvTable {
  readonly #records: CsvRecords
  columns: readonly string[] | null = null

  constructor({ separator }: Head) {
    this.#records = new CsvRecords(separator)
  }

  /** @returns null for the header, and for a record that goes on in the next line */
  row(line: string): string[] | null {
    const fields = this.#records.add(line)
    if (fields === null || this.columns !== null) return fields
    this.columns = fields.map(columnName)
    return null
  }

  end(): void {
    this.#records.end()
  }
}

/** Rows by the header's names, so that columns may be inserted or moved. */
export function csvReader(
  head: Head,
  row: (field: CsvField) => void,
  end?: () => void,
): LineReader & Required<Pick<LineReader, 'record'>> {
  const table = new CsvTable(head)
  let places: ReadonlyMap<string, number> | null = null
  return {
    line(text) {
      const fields = table.row(text)
      if (fields === null) return
      places ??= new Map(table.columns?.map((name, index) => [name, index]))
      const at = places
      row((name) => fields[at.get(columnName(name)) ?? -1]?.trim())
    },
    record(record) {
      const fields = new Map(
        Object.entries(record).map(([name, value]) => [columnName(name), value]),
      )
      row((name) => textOf(fields.get(columnName(name))))
    },
    end() {
      end?.()
      table.end()
    },
  }
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : jsonText(value)
}
