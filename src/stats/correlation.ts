/** How two paired columns move together. Pure. */
import { describe } from './moments.ts'

const MAX_COUNTED = 1_000_000

/** Pearson's r of n pairs; NaN where a side does not vary. */
export function pearson(first: Float64Array, second: Float64Array): number {
  const left = describe(first)
  const right = describe(second)
  let products = 0
  for (let index = 0; index < first.length; index += 1) {
    products += (first[index]! - left.mean) * (second[index]! - right.mean)
  }
  return products / first.length / (left.sd * right.sd)
}

/** Spearman's ρ: Pearson's r of the ranks, ties sharing their middle rank. */
export function spearman(first: Float64Array, second: Float64Array): number {
  return pearson(ranksOf(first), ranksOf(second))
}

/** Ranks from 1; equal values share the middle of the ranks they take. */
export function ranksOf(values: Float64Array): Float64Array {
  if (areCounts(values)) return ranksOfCounts(values)
  const sorted = values.toSorted()
  // Of equal values the middle rank stands at the first of them.
  const middles = new Float64Array(sorted.length)
  for (let start = 0; start < sorted.length;) {
    let end = start
    while (end < sorted.length && sorted[end] === sorted[start]) end += 1
    middles[start] = (start + 1 + end) / 2
    start = end
  }
  const ranks = new Float64Array(values.length)
  for (let index = 0; index < values.length; index += 1) {
    ranks[index] = middles[firstOfSorted(sorted, values[index]!)]!
  }
  return ranks
}

/** Whole numbers from 0 up, none so large that counting them would cost more than sorting. */
function areCounts(values: Float64Array): boolean {
  const limit = Math.min(MAX_COUNTED, 4 * values.length)
  for (const value of values) if (!(value >= 0 && value < limit && value % 1 === 0)) return false
  return true
}

function ranksOfCounts(values: Float64Array): Float64Array {
  const { max } = describe(values)
  const middles = new Float64Array(values.length === 0 ? 0 : max + 1)
  for (const value of values) middles[value]! += 1
  let below = 0
  for (let value = 0; value < middles.length; value += 1) {
    const count = middles[value]!
    middles[value] = (2 * below + 1 + count) / 2
    below += count
  }
  return values.map((value) => middles[value]!)
}

/** Where the first value stands that is not below `value`, which is among them. */
function firstOfSorted(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
