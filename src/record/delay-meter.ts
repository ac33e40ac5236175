/**
 * What the relay adds to each chunk: from the moment its read became possible to write done. Pure.
 *
 * A chunk that waits behind others of the same turn of the event loop is charged for that wait.
 */
import { bucketOf, BUCKETS, type Tally } from '../stats/octaves.ts'

export class DelayMeter {
  readonly #counts = new Float64Array(BUCKETS)
  #sumUs = 0
  #turnStartUs = 0
  readonly #onTurnEnd = (): void => void (this.#turnStartUs = 0)
  readonly #afterTurn: (callback: () => void) => void

  /** @param afterTurn calls back once this turn of the event loop has served its sockets */
  constructor(afterTurn: (callback: () => void) => void) {
    this.#afterTurn = afterTurn
  }

  add(readAtUs: number, doneAtUs: number): void {
    if (this.#turnStartUs === 0) {
      this.#turnStartUs = readAtUs
      this.#afterTurn(this.#onTurnEnd)
    }
    const delayUs = Math.max(0, doneAtUs - this.#turnStartUs)
    const bucket = bucketOf(delayUs)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sumUs += delayUs
  }

  /** Of all chunks so far. */
  get tally(): Tally {
    return { counts: this.#counts.slice(), sumUs: this.#sumUs }
  }
}
