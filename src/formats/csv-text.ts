/** Comma-separated text after RFC 4180: quotes, doubled quotes, line breaks inside quotes. Pure. */
import { RowFault } from './row-fault.ts'

/** One record's fields. Without a quote this is a plain split. */
export function splitCsv(record: string, separator = ','): string[] {
  if (!record.includes('"')) return record.split(separator)
  const fields: string[] = []
  let at = 0
  while (at <= record.length) {
    const [field, next] = record[at] === '"' ? quoted(record, at) : plain(record, at, separator)
    fields.push(field)
    at = next + 1
  }
  return fields
}

/** True while a record goes on in the next line: its quotes do not pair up yet. */
export function isOpenRecord(record: string): boolean {
  let isOpen = false
  for (let at = record.indexOf('"'); at >= 0; at = record.indexOf('"', at + 1)) isOpen = !isOpen
  return isOpen
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

function quoted(record: string, from: number): [string, number] {
  let text = ''
  let at = from + 1
  for (;;) {
    const quote = record.indexOf('"', at)
    if (quote < 0) throw new RowFault('a quote is not closed')
    text += record.slice(at, quote)
    if (record[quote + 1] !== '"') return [text, quote + 1]
    text += '"'
    at = quote + 2
  }
}
