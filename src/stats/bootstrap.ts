/** Circular block bootstrap of quantiles, for values that depend on their neighbours. Pure. */
import { quantileOfSorted } from './quantile.ts'

/** Which blocks make up each resample; shared by columns that must be resampled together. */
export type ResamplePlan = Readonly<{
  n: number
  blockLength: number
  /** One row of ⌈n / blockLength⌉ block starts for each resample. */
  starts: readonly Uint32Array[]
}>

/** @param draw uniform on [0, 1) */
export function planResamples(
  n: number,
  blockLength: number,
  resampleCount: number,
  draw: () => number,
): ResamplePlan {
  const blockCount = Math.ceil(n / blockLength)
  const starts: Uint32Array[] = []
  for (let resample = 0; resample < resampleCount; resample += 1) {
    const blocks = new Uint32Array(blockCount)
    for (let block = 0; block < blockCount; block += 1) blocks[block] = Math.floor(draw() * n)
    starts.push(blocks)
  }
  return { n, blockLength, starts }
}

/**
 * Type 7 quantiles of each resample. Values are counted by rank, so a resample costs 2n steps.
 *
 * @param values n of them, in the order in which they depend on each other
 * @returns for each of `qs` one value a resample, unsorted
 */
export function quantileReplicates(
  values: Float64Array,
  qs: readonly number[],
  plan: ResamplePlan,
): Float64Array[] {
  const n = values.length
  const order = Uint32Array.from(values, (_, index) => index)
  order.sort((a, b) => values[a]! - values[b]!)
  const rankOf = new Uint32Array(n)
  order.forEach((index, rank) => (rankOf[index] = rank))
  const sorted = Float64Array.from(order, (index) => values[index]!)
  const counts = new Uint32Array(n)
  const drawn = new Float64Array(n)
  const results = qs.map(() => new Float64Array(plan.starts.length))
  for (const [resample, starts] of plan.starts.entries()) {
    countRanks(counts, rankOf, starts, plan.blockLength)
    expand(counts, sorted, drawn)
    for (const [index, q] of qs.entries()) results[index]![resample] = quantileOfSorted(drawn, q)
  }
  return results
}

function countRanks(
  counts: Uint32Array,
  rankOf: Uint32Array,
  starts: Uint32Array,
  blockLength: number,
): void {
  const n = counts.length
  counts.fill(0)
  let left = n
  for (const start of starts) {
    const end = start + Math.min(blockLength, left)
    for (let index = start; index < end; index += 1)
      counts[rankOf[index < n ? index : index - n]!]! += 1
    left -= blockLength
  }
}

/** The drawn values in ascending order; `counts` sum to the length of `into`. */
function expand(counts: Uint32Array, sorted: Float64Array, into: Float64Array): void {
  let length = 0
  for (let rank = 0; rank < counts.length; rank += 1) {
    const value = sorted[rank]!
    for (let copy = counts[rank]!; copy > 0; copy -= 1) into[length++] = value
  }
}
