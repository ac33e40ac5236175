/** Times between two uses of a block: long prompts have billions of them. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import { QuantileSketch } from '../stats/sketch.ts'
import { type Summary, summarise } from './summary.ts'

/** So many are kept one by one (64 MB); with more, percentiles are within 0.002 %. */
const MAX_KEPT = 8_000_000

export class ReuseGaps {
  readonly #kept = new GrowingColumn()
  readonly #maxKept: number
  #crowd: Crowd | null = null

  constructor(maxKept = MAX_KEPT) {
    this.#maxKept = maxKept
  }

  add(gapUs: number): void {
    if (this.#crowd === null && this.#kept.length === this.#maxKept) {
      this.#crowd = new Crowd()
      for (const gapS of this.#kept.view()) this.#crowd.add(gapS * 1e6)
    }
    if (this.#crowd === null) this.#kept.push(gapUs / 1e6)
    else this.#crowd.add(gapUs)
  }

  /** Seconds; null for no gaps. */
  figures(): Summary | null {
    return this.#crowd === null ? summarise(this.#kept.view()) : this.#crowd.figures()
  }
}

/** Neighbours in a chain were mostly last used together, so that equal gaps follow each other. */
class Crowd {
  readonly #sketch = new QuantileSketch()
  #gapUs = 0
  #count = 0
  #squares = 0
  #minUs = Infinity
  #zeros = 0

  add(gapUs: number): void {
    const wholeUs = Math.round(gapUs)
    if (wholeUs !== this.#gapUs) {
      this.#settle()
      this.#gapUs = wholeUs
    }
    this.#count += 1
  }

  #settle(): void {
    if (this.#count === 0) return
    this.#sketch.add(this.#gapUs, this.#count)
    this.#squares += (this.#gapUs / 1e6) ** 2 * this.#count
    this.#minUs = Math.min(this.#minUs, this.#gapUs)
    if (this.#gapUs === 0) this.#zeros += this.#count
    this.#count = 0
  }

  figures(): Summary {
    this.#settle()
    const { count: n, mean: meanUs, max: maxUs } = this.#sketch
    const mean = meanUs / 1e6
    const sd = Math.sqrt(Math.max(0, this.#squares / n - mean * mean))
    const at = (q: number) => this.#sketch.quantile(q) / 1e6
    return {
      n,
      mean,
      sd,
      min: this.#minUs / 1e6,
      p50: at(0.5),
      p90: at(0.9),
      p95: at(0.95),
      p99: at(0.99),
      max: maxUs / 1e6,
      sum: mean * n,
      cv: mean === 0 ? 0 : sd / mean,
      zeros: this.#zeros,
    }
  }
}
