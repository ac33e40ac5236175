/** Quantiles by linear interpolation between closest ranks (R's type 7, numpy's default). Pure. */

/**
 * @param sorted ascending, without NaN
 * @param q between 0 and 1
 * @returns NaN for no values
 */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const rank = q * (sorted.length - 1)
  const below = Math.floor(rank)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (rank - below)
}

/**
 * Several quantiles of unsorted values by selection, which for a few of them is cheaper than a sort.
 *
 * @param values without NaN; left as they are
 * @param qs each between 0 and 1, in any order
 * @returns one number for each of `qs`; NaN for no values
 */
export function quantiles(values: Float64Array, qs: readonly number[]): number[] {
  const work = values.slice()
  const last = work.length - 1
  if (last < 0) return qs.map(() => Number.NaN)
  const wanted = new Set(
    qs.flatMap((q) => {
      const below = Math.floor(q * last)
      return [below, Math.min(below + 1, last)]
    }),
  )
  let from = 0
  for (const rank of [...wanted].toSorted((a, b) => a - b)) {
    place(work, rank, from)
    from = rank
  }
  return qs.map((q) => quantileOfSorted(work, q))
}

/** Hoare's selection: puts the value of `rank` in its place, smaller ones before it. */
function place(work: Float64Array, rank: number, from: number): void {
  let low = from
  let high = work.length - 1
  while (low < high) {
    const pivot = medianOfThree(work[low]!, work[(low + high) >>> 1]!, work[high]!)
    let left = low
    let right = high
    while (left <= right) {
      while (work[left]! < pivot) left += 1
      while (work[right]! > pivot) right -= 1
      if (left <= right) {
        const swapped = work[left]!
        work[left] = work[right]!
        work[right] = swapped
        left += 1
        right -= 1
      }
    }
    if (rank <= right) high = right
    else if (rank >= left) low = left
    else return
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
