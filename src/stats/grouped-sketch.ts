/**
 * Quantiles of values that come in groups, such as the gaps of one answer: the groups, not the values,
 * are what repeats independently, so whole groups are resampled. Pure.
 */

/** Bins are 1 % wide: enough for the ends of an interval. */
const LOG_STEP = Math.log(1.01)
const BIN_COUNT = 2_100
/** Neighbouring groups are joined until so many are left. */
const MAX_GROUPS = 256

export class GroupedSketch {
  #groups: Float64Array[] = []
  #perGroup = 1
  #inLast = 0

  /** What is added from now on belongs to the next group. */
  begin(): void {
    if (this.#groups.length === 0 || this.#inLast === this.#perGroup) {
      if (this.#groups.length === MAX_GROUPS) this.#join()
      this.#groups.push(new Float64Array(BIN_COUNT))
      this.#inLast = 0
    }
    this.#inLast += 1
  }

  /** @param value at least 0, below about 1e9 */
  add(value: number, weight: number): void {
    const bin = value <= 1 ? 0 : Math.min(BIN_COUNT - 1, Math.round(Math.log(value) / LOG_STEP))
    const group = this.#groups.at(-1)
    if (group) group[bin]! += weight
  }

  get groupCount(): number {
    return this.#groups.length
  }

  /**
   * @param draw uniform on [0, 1)
   * @returns for each of `qs` one value a resample
   */
  replicates(qs: readonly number[], resampleCount: number, draw: () => number): Float64Array[] {
    const results = qs.map(() => new Float64Array(resampleCount))
    const used = this.#usedBins()
    const rows = this.#groups.map((group) => Float64Array.from(used, (bin) => group[bin]!))
    const sums = new Float64Array(used.length)
    for (let resample = 0; resample < resampleCount; resample += 1) {
      sums.fill(0)
      for (let pick = 0; pick < rows.length; pick += 1) {
        addTo(sums, rows[Math.floor(draw() * rows.length)]!)
      }
      for (const [index, q] of qs.entries()) {
        results[index]![resample] = Math.exp(used[binOfQuantile(sums, q)]! * LOG_STEP)
      }
    }
    return results
  }

  /** Values of one run fill a small part of all bins. */
  #usedBins(): number[] {
    const sums = new Float64Array(BIN_COUNT)
    for (const group of this.#groups) addTo(sums, group)
    return Array.from(sums.keys()).filter((bin) => sums[bin]! > 0)
  }

  #join(): void {
    const joined: Float64Array[] = []
    for (let index = 0; index < this.#groups.length; index += 2) {
      const group = this.#groups[index]!
      const next = this.#groups[index + 1]
      if (next) addTo(group, next)
      joined.push(group)
    }
    this.#groups = joined
    this.#perGroup *= 2
    this.#inLast = this.#perGroup
  }
}

function addTo(sums: Float64Array, group: Float64Array): void {
  for (let bin = 0; bin < sums.length; bin += 1) sums[bin]! += group[bin]!
}

/** @returns NaN where nothing was counted */
function binOfQuantile(counts: Float64Array, q: number): number {
  let total = 0
  for (let bin = 0; bin < counts.length; bin += 1) total += counts[bin]!
  let seen = 0
  for (let bin = 0; bin < counts.length; bin += 1) {
    seen += counts[bin]!
    if (seen >= q * total && seen > 0) return bin
  }
  return Number.NaN
}
