/** Comma-separated text after RFC 4180: quotes, doubled quotes, line breaks inside quotes. Pure. */
import { RowFault } from './row-fault.ts'

/** One record's fields. Without a quote this is a plain split. */
export function splitCsv(record: string, separator = ','): string[] {
  if (!record.includes('"')) return record.split(separator)
  const fields: string[] = []
  let at = 0
  while (at <= record.length) {
    const start = quoteAt(record, at)
    const [field, next] =
      start < 0 ? plain(record, at, separator) : quoted(record, start, separator)
    fields.push(field)
    at = next + 1
  }
  return fields
}

/** A longer record is a quote that was never closed. */
const MAX_RECORD_CHARS = 16_000_000

/** Puts records together from lines: one goes on in the next line while its quotes do not pair up. */
export class CsvRecords {
  readonly #separator: string
  #lines: string[] = []
  #chars = 0
  #isOpen = false

  constructor(separator = ',') {
    this.#separator = separator
  }

  /** @returns the fields of a record that ends with this line; null if it goes on */
  add(line: string): string[] | null {
    this.#lines.push(line)
    this.#chars += line.length
    for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) {
      this.#isOpen = !this.#isOpen
    }
    if (this.#isOpen && this.#chars <= MAX_RECORD_CHARS) return null
    const record = this.#lines.join('\n')
    const isWhole = !this.#isOpen
    this.#reset()
    if (!isWhole) throw new RowFault('a quote is not closed')
    return splitCsv(record, this.#separator)
  }

  /** @throws RowFault if the last record has no end */
  end(): void {
    const isWhole = !this.#isOpen
    this.#reset()
    if (!isWhole) throw new RowFault('a quote is not closed')
  }

  #reset(): void {
    this.#lines = []
    this.#chars = 0
    this.#isOpen = false
  }
}

/** A field as it has to be written. */
export function csvField(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

function plain(record: string, from: number, separator: string): [string, number] {
  const end = record.indexOf(separator, from)
  const to = end < 0 ? record.length : end
  return [record.slice(from, to), to]
}

/** Where a quoted field's quote stands, which some writers put a blank before; -1 for a plain field. */
function quoteAt(record: string, from: number): number {
  let at = from
  while (record[at] === ' ') at += 1
  return record[at] === '"' ? at : -1
}

function quoted(record: string, from: number, separator: string): [string, number] {
  let text = ''
  let at = from + 1
  for (;;) {
    const quote = record.indexOf('"', at)
    if (quote < 0) throw new RowFault('a quote is not closed')
    text += record.slice(at, quote)
    if (record[quote + 1] !== '"') return [text, plain(record, quote + 1, separator)[1]]
    text += '"'
    at = quote + 2
  }
}
