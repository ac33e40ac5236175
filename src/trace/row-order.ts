/** Guards for what comes out of a file: rows in order, no id twice, parents first. Pure. */
import { TraceError } from '../base/errors.ts'
import type { Batch } from './table.ts'
import { idHalves, IdIndex } from './id-index.ts'

const MAX_BELIEVED = 2 ** 20

/** Checks one batch after the other: (at_us, seq) must rise strictly. */
export class OrderGuard {
  readonly #path: string
  #lastAtUs = -Infinity
  #lastSeq = -Infinity
  #rowCount = 0

  constructor(path: string) {
    this.#path = path
  }

  /** @throws TraceError TRACE_UNREADABLE naming the first row that is out of order */
  check(atUs: Float64Array, seq: Float64Array, rowCount: number): void {
    let lastAtUs = this.#lastAtUs
    let lastSeq = this.#lastSeq
    for (let index = 0; index < rowCount; index += 1) {
      const at = atUs[index]!
      const number = seq[index]!
      if (!(at > lastAtUs || (at === lastAtUs && number > lastSeq))) {
        const place = this.#rowCount + index
        throw new TraceError('TRACE_UNREADABLE', `${this.#path}: row ${place} is out of order`)
      }
      lastAtUs = at
      lastSeq = number
    }
    this.#lastAtUs = lastAtUs
    this.#lastSeq = lastSeq
    this.#rowCount += rowCount
  }
}

/** Checks one batch of blocks after the other. */
export class BlockGuard {
  readonly #path: string
  readonly #seen: IdIndex

  /** @param announced how many the header promises; believed up to a million */
  constructor(path: string, announced = 0) {
    this.#path = path
    this.#seen = new IdIndex(Math.max(1_024, Math.min(announced, MAX_BELIEVED)))
  }

  /** @throws TraceError TRACE_UNREADABLE where an id comes twice or before its parent */
  check(batch: Batch): void {
    const ids = idHalves(batch.columns['id'] as BigUint64Array)
    const parents = idHalves(batch.columns['parent'] as BigUint64Array)
    for (let index = 0; index < batch.rowCount; index += 1) {
      const isRoot = parents[2 * index] === 0 && parents[2 * index + 1] === 0
      if (!isRoot && !this.#seen.hasAt(parents, index)) {
        throw new TraceError('TRACE_UNREADABLE', `${this.#path}: a block comes before its parent`)
      }
      if (!this.#seen.addAt(ids, index)) {
        throw new TraceError('TRACE_UNREADABLE', `${this.#path}: a block id comes twice`)
      }
    }
  }
}
