/**
 * Quantiles of very many whole numbers in bounded memory: exact below 131,072, within 0.002 % above.
 * Pure.
 */

/** Values keep their 17 leading bits. */
const KEPT_BITS = 17
const HALF = 2 ** (KEPT_BITS - 1)
/** About 35 years in µs. */
const MAX_VALUE = 2 ** 50

export class QuantileSketch {
  #counts = new Float64Array(2 * HALF)
  #total = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#total
  }

  get mean(): number {
    return this.#sum / this.#total
  }

  get max(): number {
    return this.#max
  }

  /** @param value rounded to a whole number; below 0 counts as 0 */
  add(value: number, weight = 1): void {
    const whole = Math.min(MAX_VALUE, Math.max(0, Math.round(value)))
    const bin = binOf(whole)
    if (bin >= this.#counts.length) this.#grow(bin)
    this.#counts[bin]! += weight
    this.#total += weight
    this.#sum += whole * weight
    if (whole > this.#max) this.#max = whole
  }

  /** Type 7, as for raw values. @returns NaN for no values */
  quantile(q: number): number {
    if (this.#total === 0) return Number.NaN
    const rank = q * (this.#total - 1)
    const below = Math.floor(rank)
    const low = this.#valueAt(below)
    return rank === below ? low : low + (this.#valueAt(below + 1) - low) * (rank - below)
  }

  #valueAt(rank: number): number {
    let seen = 0
    for (let bin = 0; bin < this.#counts.length; bin += 1) {
      seen += this.#counts[bin]!
      if (seen > rank) return Math.min(this.#max, valueOf(bin))
    }
    return this.#max
  }

  #grow(bin: number): void {
    const larger = new Float64Array(Math.ceil((bin + 1) / HALF) * HALF)
    larger.set(this.#counts)
    this.#counts = larger
  }
}

function binOf(value: number): number {
  if (value < 2 * HALF) return value
  const shift = Math.floor(Math.log2(value)) - (KEPT_BITS - 1)
  return shift * HALF + Math.floor(value / 2 ** shift)
}

/** Middle of a bin. */
function valueOf(bin: number): number {
  if (bin < 2 * HALF) return bin
  const shift = Math.floor(bin / HALF) - 1
  return (bin - shift * HALF + 0.5) * 2 ** shift
}
