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
  const distinct: number[] = []
  const middles: number[] = []
  for (let start = 0; start < sorted.length;) {
    let end = start
    while (end < sorted.length && sorted[end] === sorted[start]) end += 1
    distinct.push(sorted[start]!)
    middles.push((start + 1 + end) / 2)
    start = end
  }
  return values.map((value) => middles[indexOfSorted(distinct, value)]!)
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

function indexOfSorted(distinct: readonly number[], value: number): number {
  let low = 0
  let high = distinct.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (distinct[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
