/** Collects rows of `request` column by column, with times counted from the first. Pure. */
import { REQUEST_COLUMNS, type RequestColumn, type RequestRow } from '../trace/columns.ts'
import { newData, type Data } from '../trace/table.ts'
import type { RequestColumns } from '../trace/trace.ts'
import { RowFault } from './row-fault.ts'

/** Columns that no row has set are missing: they are null throughout. */
type PartialBatch = Readonly<{ rowCount: number; columns: RequestColumns }>

const BATCH_ROWS = 8_192

/** Of rows whose format does not say. */
const ENDPOINT = 'completions'

export class RowSink {
  readonly #full: PartialBatch[] = []
  #columns = new Map<RequestColumn, Data>()
  #atUs = new Float64Array(BATCH_ROWS)
  #seq = new Float64Array(BATCH_ROWS)
  #endpoint = Array<string | null>(BATCH_ROWS).fill(ENDPOINT)
  #rowCount = 0
  #batchRowCount = 0
  #originUs: number | null = null
  #leastUs = 0
  #mostUs = 0

  /** Rows so far; also the seq of the next one. */
  get rowCount(): number {
    return this.#rowCount
  }

  /** µs of the first row on the source's own clock; null before it. */
  get originUs(): number | null {
    return this.#originUs
  }

  /** 0, or below it where a later row was earlier than the first. */
  get leastUs(): number {
    return this.#leastUs
  }

  /** From the earliest row to the latest. */
  get spanUs(): number {
    return this.#mostUs - this.#leastUs
  }

  get isWaiting(): boolean {
    return this.#full.length > 0
  }

  /**
   * Opens the next row; the setters below fill it.
   *
   * @param sourceUs µs on the source's clock, whatever its zero
   * @param seq a source's own number, unique in it; the count of rows without
   * @returns the row's seq
   * @throws RowFault for a time that no trace can hold; there is no row then
   */
  begin(sourceUs: number, seq = this.#rowCount): number {
    const atUs = sourceUs - (this.#originUs ?? sourceUs)
    if (!Number.isSafeInteger(atUs)) throw new RowFault('its time is beyond 2^53 µs')
    if (this.#batchRowCount === BATCH_ROWS) this.#close()
    this.#originUs ??= sourceUs
    if (atUs < this.#leastUs) this.#leastUs = atUs
    if (atUs > this.#mostUs) this.#mostUs = atUs
    this.#atUs[this.#batchRowCount] = atUs
    this.#seq[this.#batchRowCount] = seq
    this.#batchRowCount += 1
    this.#rowCount += 1
    return seq
  }

  /** For a source whose times count from a known zero already. Before the first row. */
  pinOrigin(sourceUs: number): void {
    this.#originUs = sourceUs
  }

  /** To the nearest whole number; one that no trace can hold is not known. */
  number(column: RequestColumn, value: number | null): void {
    const whole = value === null ? Number.NaN : Math.round(value)
    if (!Number.isSafeInteger(whole)) return
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as Float64Array)[this.#batchRowCount - 1] = whole
  }

  text(column: RequestColumn, value: string | null): void {
    if (value === null) return
    if (column === 'endpoint') {
      this.#endpoint[this.#batchRowCount - 1] = value
      return
    }
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as (string | null)[])[this.#batchRowCount - 1] = value
  }

  id(column: RequestColumn, value: bigint | null): void {
    if (value === null) return
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as BigUint64Array)[this.#batchRowCount - 1] = value
  }

  /** A whole row as an object: for formats whose lines are objects anyway. Returns its seq. */
  row(sourceUs: number, cells: Partial<RequestRow>, ownSeq?: number): number {
    const seq = this.begin(sourceUs, ownSeq)
    for (const [name, value] of Object.entries(cells)) {
      if (value === null) continue
      const column = name as RequestColumn
      if (typeof value === 'bigint') this.id(column, value)
      else if (typeof value === 'string') this.text(column, value)
      else if (value instanceof Uint8Array) this.#bytes(column, value)
      else this.number(column, Number(value))
    }
    return seq
  }

  /** Full batches and, at the end, the last one. Each is the caller's to keep. */
  take(isEnd: boolean): PartialBatch[] {
    if (isEnd && this.#batchRowCount > 0) this.#close()
    return this.#full.splice(0)
  }

  #bytes(column: RequestColumn, value: Uint8Array): void {
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as (Uint8Array | null)[])[this.#batchRowCount - 1] = value
  }

  #add(column: RequestColumn): Data {
    const store = newData(REQUEST_COLUMNS[column].type, BATCH_ROWS)
    this.#columns.set(column, store)
    return store
  }

  #close(): void {
    const columns = Object.fromEntries([
      ['seq', this.#seq],
      ['atUs', this.#atUs],
      ['endpoint', this.#endpoint],
      ...this.#columns,
    ]) as PartialBatch['columns']
    this.#full.push({ rowCount: this.#batchRowCount, columns })
    this.#columns = new Map()
    this.#atUs = new Float64Array(BATCH_ROWS)
    this.#seq = new Float64Array(BATCH_ROWS)
    this.#endpoint = Array<string | null>(BATCH_ROWS).fill(ENDPOINT)
    this.#batchRowCount = 0
  }
}
