/**
 * What the relay adds to each chunk: from the moment its read became possible to write done. Pure.
 *
 * A chunk that waits behind others of the same turn of the event loop is charged for that wait.
 */

/** Powers of 2^(1/4) from 1 µs: within 9 %. */
const BUCKETS_PER_DOUBLING = 4
const BUCKET_COUNT = 96

export class DelayMeter {
  #counts = new Float64Array(BUCKET_COUNT)
  #count = 0
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
    const delayUs = Math.max(1, doneAtUs - this.#turnStartUs)
    const bucket = Math.round(Math.log2(delayUs) * BUCKETS_PER_DOUBLING)
    const index = Math.min(bucket, BUCKET_COUNT - 1)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#count += 1
  }

  /** @returns µs at share q of the chunks since the last `reset`; null without any */
  quantileUs(q: number): number | null {
    if (this.#count === 0) return null
    let seen = 0
    for (let index = 0; index < BUCKET_COUNT; index += 1) {
      seen += this.#counts[index] ?? 0
      if (seen >= q * this.#count) return 2 ** (index / BUCKETS_PER_DOUBLING)
    }
    return null
  }

  reset(): void {
    this.#counts.fill(0)
    this.#count = 0
  }
}
