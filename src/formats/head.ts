/** The first bytes of a file, looked at in the ways that formats are told apart by. Pure. */
import type { JsonRecord } from './fields.ts'
import { isRecord } from './fields.ts'
import { splitCsv } from './csv-text.ts'
import { jsonText, parseJson } from './json-text.ts'

export type Head = Readonly<{
  bytes: Uint8Array
  text: string
  /** The first line that is not blank and no remark, without its end. */
  line: string
  /** The first line as a JSON object; null if it is none, or goes on beyond the head. */
  record: JsonRecord | null
  /** The first line's fields, as a CSV header has them, trimmed and in small letters. */
  columns: readonly string[]
  /** What stands between them: a comma, or what spreadsheets put in its place. */
  separator: string
}>

export function headOf(bytes: Uint8Array): Head {
  const text = new TextDecoder().decode(bytes)
  const [, line = ''] = /^(?:\s*#[^\n]*\n)*\s*(\S[^\r\n]*)/.exec(text) ?? []
  const separator = separatorOf(line)
  return {
    bytes,
    text,
    line,
    record: recordOf(line),
    columns: columnsOf(line, separator),
    separator,
  }
}

/** As if these were the first lines of a file: for rows that stand in a JSON list or in Parquet. */
export function headOfRecords(records: readonly JsonRecord[]): Head {
  const lines = records.map((record) => jsonText(record))
  const [record = null] = records
  const [line = ''] = lines
  const columns = Object.keys(record ?? {}).map(columnName)
  const text = `${lines.join('\n')}\n`
  return { bytes: Buffer.from(text), text, line, record, columns, separator: ',' }
}

function separatorOf(line: string): string {
  return [';', '\t'].find((separator) => line.includes(separator)) ?? ','
}

/** Capitals and blanks round a name do not matter. */
export function columnName(name: string): string {
  return name.trim().toLowerCase()
}

function recordOf(line: string): JsonRecord | null {
  if (!line.startsWith('{')) return null
  try {
    const value = parseJson(line)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function columnsOf(line: string, separator: string): string[] {
  if (line.startsWith('{') || line.startsWith('[')) return []
  try {
    return splitCsv(line, separator).map(columnName)
  } catch {
    return []
  }
}

/** True where a JSON object has all of these keys. */
export function hasKeys(record: JsonRecord | null, ...names: readonly string[]): boolean {
  return record !== null && names.every((name) => name in record)
}

/** True where a CSV header has all of these columns. */
export function hasColumns(head: Head, ...names: readonly string[]): boolean {
  return names.every((name) => head.columns.includes(columnName(name)))
}

/** True where the head of a document shows this key, at any depth. */
export function showsKey(head: Head, name: string): boolean {
  return new RegExp(`"${name}"\\s*:`).test(head.text)
}
