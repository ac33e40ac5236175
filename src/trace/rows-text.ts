/** Rows as a table for a person, as CSV or as JSON lines; nothing in them can move the cursor. Pure. */
import { CONTROLS, escapeText } from '../base/fold.ts'
import type { Cell } from './query.ts'

export const ROW_FORMATS = ['table', 'csv', 'jsonl'] as const
export type RowFormat = (typeof ROW_FORMATS)[number]

/** Widths come from so many rows; later ones may stick out. */
const MEASURED_ROWS = 200
const MAX_CELL_WIDTH = 60

/** Takes row after row and says what to write: nothing, a line, or the lines that were held back. */
export type RowsText = Readonly<{ add(row: Cell[]): string; end(): string }>

export function rowsText(format: RowFormat, columns: readonly string[]): RowsText {
  if (format === 'table') return new TableText(columns)
  if (format === 'jsonl') return { add: (row) => `${jsonLine(columns, row)}\n`, end: () => '' }
  let head = `${columns.map(csvCell).join(',')}\n`
  const withHead = (text: string) => {
    const whole = head + text
    head = ''
    return whole
  }
  return {
    add: (row) => withHead(`${row.map(csvCell).join(',')}\n`),
    end: () => withHead(''),
  }
}

class TableText implements RowsText {
  #waiting: string[][]
  #widths: number[] | null = null
  #isRight: boolean[]

  constructor(columns: readonly string[]) {
    this.#waiting = [columns.map(escapeText)]
    this.#isRight = columns.map(() => true)
  }

  add(row: Cell[]): string {
    this.#isRight = this.#isRight.map((right, index) => right && isNumber(row[index] ?? null))
    const cells = row.map(tableCell)
    if (this.#widths !== null) return line(cells, this.#widths, this.#isRight)
    this.#waiting.push(cells)
    if (this.#waiting.length <= MEASURED_ROWS) return ''
    return this.#release()
  }

  end(): string {
    return this.#release()
  }

  #release(): string {
    const widths = this.#widths ?? widthsOf(this.#waiting)
    this.#widths = widths
    return this.#waiting
      .splice(0)
      .map((held) => line(held, widths, this.#isRight))
      .join('')
  }
}

/** @returns how wide a table makes each column */
export function columnWidths(columns: readonly string[], rows: readonly Cell[][]): number[] {
  return widthsOf([columns.map(escapeText), ...rows.map((row) => row.map(tableCell))])
}

export const COLUMN_GAP = 2

function widthsOf(lines: readonly string[][]): number[] {
  const count = lines[0]?.length ?? 0
  return Array.from({ length: count }, (_, index) =>
    lines.reduce((width, cells) => Math.max(width, cells[index]?.length ?? 0), 0),
  )
}

function line(
  cells: readonly string[],
  widths: readonly number[],
  isRight: readonly boolean[],
): string {
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0
    return isRight[index] === true ? cell.padStart(width) : cell.padEnd(width)
  })
  return `${padded.join(' '.repeat(COLUMN_GAP)).trimEnd()}\n`
}

function isNumber(cell: Cell): boolean {
  return cell === null || typeof cell === 'number' || typeof cell === 'bigint'
}

function tableCell(cell: Cell): string {
  const text = escapeText(cellText(cell))
  return text.length > MAX_CELL_WIDTH ? `${text.slice(0, MAX_CELL_WIDTH - 1)}…` : text
}

function cellText(cell: Cell): string {
  if (cell === null) return '–'
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell)
}

/** A spreadsheet takes a cell that begins with one of =+-@ for a formula; only texts can. */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return cellText(cell)
  const text = escapeText(cell)
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function jsonLine(columns: readonly string[], row: readonly Cell[]): string {
  const members = columns.map((name, index) => [name, jsonCell(row[index] ?? null)])
  // JSON's own escapes for what JSON itself lets through, e.g. a terminal's commands of one character.
  return JSON.stringify(Object.fromEntries(members)).replace(CONTROLS, (found) =>
    Array.from({ length: found.length }, (_, at) => {
      return `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`
    }).join(''),
  )
}

function jsonCell(cell: Cell): unknown {
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex')
  if (typeof cell !== 'bigint') return cell
  return cell >= BigInt(Number.MIN_SAFE_INTEGER) && cell <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(cell)
    : String(cell)
}
