/** Collects rows of `request` column by column, with times counted from the first. Pure. */
import {
  REQUEST_COLUMNS,
  type ColumnsOf,
  type RequestColumn,
  type RequestRow,
} from '../trace/columns.ts'

/** Columns that no row has set are missing: they are null throughout. */
export type PartialBatch = Readonly<{
  rowCount: number
  columns: Partial<ColumnsOf<'request', RequestColumn>>
}>

type Store = Float64Array | BigUint64Array | (string | null)[] | (Uint8Array | null)[]

const DEFAULT_BATCH_ROWS = 8_192

/** Every row has these; the rest is added when a row first needs it. */
const ALWAYS = { endpoint: 'completions' } as const

export class RowSink {
  readonly #batchRows: number
  readonly #full: PartialBatch[] = []
  #columns = new Map<RequestColumn, Store>()
  #atUs: Float64Array
  #seq: Float64Array
  #endpoint: (string | null)[]
  #rowCount = 0
  #batchRowCount = 0
  #originUs: number | null = null
  #leastUs = 0
  #mostUs = 0

  constructor(batchRows = DEFAULT_BATCH_ROWS) {
    this.#batchRows = batchRows
    this.#atUs = new Float64Array(batchRows)
    this.#seq = new Float64Array(batchRows)
    this.#endpoint = Array<string | null>(batchRows).fill(ALWAYS.endpoint)
  }

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
   */
  begin(sourceUs: number, seq = this.#rowCount): number {
    if (this.#batchRowCount === this.#batchRows) this.#close()
    this.#originUs ??= sourceUs
    const atUs = sourceUs - this.#originUs
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

  number(column: RequestColumn, value: number | null): void {
    if (value === null) return
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as Float64Array)[this.#batchRowCount - 1] = value
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
  take(isEnd = false): PartialBatch[] {
    if (isEnd && this.#batchRowCount > 0) this.#close()
    return this.#full.splice(0)
  }

  #bytes(column: RequestColumn, value: Uint8Array): void {
    const store = this.#columns.get(column) ?? this.#add(column)
    ;(store as (Uint8Array | null)[])[this.#batchRowCount - 1] = value
  }

  #add(column: RequestColumn): Store {
    const { type } = REQUEST_COLUMNS[column]
    const isList = type === 'text' || type === 'json' || type === 'bytes'
    const store: Store = isList
      ? Array<null>(this.#batchRows).fill(null)
      : type === 'id'
        ? new BigUint64Array(this.#batchRows)
        : new Float64Array(this.#batchRows).fill(Number.NaN)
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
    this.#atUs = new Float64Array(this.#batchRows)
    this.#seq = new Float64Array(this.#batchRows)
    this.#endpoint = Array<string | null>(this.#batchRows).fill(ALWAYS.endpoint)
    this.#batchRowCount = 0
  }
}
