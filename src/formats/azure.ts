/** Azure's public traces: LLM inference 2023 and 2024, multimodal 2025. Pure. */
import { splitCsv } from './csv-text.ts'
import { optionalCount } from './fields.ts'
import { columnName } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs } from './source-time.ts'

export const azure: LineImporter = {
  name: 'azure',
  title: 'Azure LLM inference 2023, 2024; multimodal 2025',
  unit: 'line',
  recognises: ({ columns }) => azureColumns(columns) !== null,
  begin(context, head) {
    const columns = azureColumns(head.columns) ?? NO_COLUMNS
    const { separator } = head
    const rows = new AzureRows(context)
    let isHeader = true
    return {
      line(text) {
        if (!isHeader) rows.add(splitCsv(text, separator), columns)
        isHeader = false
      },
      record(record) {
        const named = new Map(
          Object.entries(record).map(([key, value]) => [columnName(key), value]),
        )
        const fields = head.columns.map((name) => named.get(name))
        rows.add(fields, columns)
      },
      end: () => rows.end(),
    }
  },
}

/** Where each value stands in a row; -1 where a file has no such column. */
type AzureColumns = Readonly<Record<'timestamp' | 'input' | 'output' | 'images', number>>

/** Of a file that only `--format` calls Azure's: each row of it is a fault. */
const NO_COLUMNS: AzureColumns = { timestamp: -1, input: -1, output: -1, images: -1 }

/** @returns null for the columns of anything else */
function azureColumns(known: readonly string[]): AzureColumns | null {
  const [timestamp = -1, input = -1, output = -1, images = -1] = [
    'timestamp',
    'contexttokens',
    'generatedtokens',
    'numimages',
  ].map((name) => known.indexOf(name))
  return Math.min(timestamp, input, output) < 0 ? null : { timestamp, input, output, images }
}

/** Rows of one file in the order of its columns. */
class AzureRows {
  readonly #context: ImportContext
  readonly #day = { text: '', us: 0 }

  constructor(context: ImportContext) {
    this.#context = context
  }

  /** @throws RowFault */
  add(fields: readonly unknown[], columns: AzureColumns): void {
    const { sink } = this.#context
    const time = fields[columns.timestamp]
    const timeUs = typeof time === 'string' ? timestampUs(time, this.#day) : Number.NaN
    if (Number.isNaN(timeUs)) throw new RowFault('TIMESTAMP is not a time')
    const input = tokenCount(fields[columns.input], 'ContextTokens')
    const output = tokenCount(fields[columns.output], 'GeneratedTokens')
    const images = columns.images < 0 ? null : optionalCount(fields[columns.images], 'NumImages')
    sink.begin(timeUs)
    sink.number('promptTokens', input)
    sink.number('outputTokens', output)
    sink.text('tokenSource', 'server')
    if (output === 0) sink.text('outcome', 'http_error')
    if (images !== null && images > 0) sink.text('imageSizes', unknownImages(images))
  }

  end(): void {
    this.#context.header.originWallUs = this.#context.sink.originUs
    this.#context.note('times without an offset are taken as UTC')
  }
}

/** A request with more images than this is a mistake. */
const MAX_IMAGES = 256

function unknownImages(count: number): string {
  if (count > MAX_IMAGES) throw new RowFault('NumImages is not a count')
  return `[${Array(count).fill('[null,null,null]').join(',')}]`
}

function tokenCount(value: unknown, name: string): number {
  const count = value === undefined || value === null || value === '' ? Number.NaN : Number(value)
  if (Number.isInteger(count) && count >= 0 && count < 1e9) return count
  throw new RowFault(`${name} is not a count`)
}

/**
 * As `parseIsoUs`, for a million rows of one form: the date is parsed once a day, the rest by digit.
 */
function timestampUs(whole: string, day: { text: string; us: number }): number {
  const text = whole.endsWith(UTC) ? whole.slice(0, -UTC.length) : whole
  if (text.charCodeAt(19) !== DOT || !isUtc(text)) return parseIsoUs(whole.trim())
  if (!text.startsWith(day.text) || day.text === '') {
    day.text = text.slice(0, 10)
    day.us = parseIsoUs(`${day.text} 00:00:00`)
  }
  const hours = pair(text, 11)
  const minutes = pair(text, 14)
  const seconds = pair(text, 17)
  const isClock = text[13] === ':' && text[16] === ':'
  if (!isClock || !(hours < 24 && minutes < 60 && seconds < 61)) return Number.NaN
  return day.us + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fractionUs(text)
}

/** As the 2024 files write it. */
const UTC = '+00:00'
const DOT = 46
const ZERO = 48

function isUtc(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  if (!(last >= ZERO && last <= ZERO + 9)) return false
  const plus = text.charCodeAt(text.length - 6)
  return plus !== 43 && plus !== 45
}

function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO
  const ones = text.charCodeAt(at + 1) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Digits from 20 on; the seventh, 100 ns, rounds. */
function fractionUs(text: string): number {
  let us = 0
  for (let at = 20; at < 26; at += 1) {
    const digit = at < text.length ? text.charCodeAt(at) - ZERO : 0
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    us = us * 10 + digit
  }
  return us + (text.charCodeAt(26) >= ZERO + 5 ? 1 : 0)
}
