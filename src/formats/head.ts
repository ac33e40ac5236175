/** The first bytes of a file, looked at in the ways that formats are told apart by. Pure. */
import type { JsonRecord } from './fields.ts'
import { isRecord } from './fields.ts'
import { splitCsv } from './csv-text.ts'
import { parseJson } from './json-text.ts'

export type Head = Readonly<{
  bytes: Uint8Array
  text: string
  /** The first line that is not blank, without its end. */
  line: string
  /** The first line as a JSON object; null if it is none, or goes on beyond the head. */
  record: JsonRecord | null
  /** The first line's fields, as a CSV header has them, trimmed. */
  columns: readonly string[]
}>

export function headOf(bytes: Uint8Array): Head {
  const text = new TextDecoder().decode(bytes)
  const line = /\S[^\r\n]*/.exec(text)?.[0] ?? ''
  return { bytes, text, line, record: recordOf(line), columns: columnsOf(line) }
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

function columnsOf(line: string): string[] {
  if (line.startsWith('{') || line.startsWith('[')) return []
  try {
    return splitCsv(line).map((name) => name.trim())
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
  return names.every((name) => head.columns.includes(name))
}

/** True where the head of a document shows this key, at any depth. */
export function showsKey(head: Head, name: string): boolean {
  return new RegExp(`"${name}"\\s*:`).test(head.text)
}
