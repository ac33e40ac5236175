/** Counts in bins, so that a picture of a million values stays small. Pure. */

export type Bin = Readonly<{ from: number; to: number; count: number }>

/** Equal bins from `from` to `to`; values outside fall into the first or the last. */
export function linearBins(
  values: Float64Array,
  from: number,
  to: number,
  binCount: number,
): Bin[] {
  const width = (to - from) / binCount || 1
  return binned(values, binCount, (value) => (value - from) / width).map((count, index) => ({
    from: from + index * width,
    to: from + (index + 1) * width,
    count,
  }))
}

/** Bins that are equal on a logarithmic axis; values at or below `from` fall into the first. */
export function logBins(values: Float64Array, from: number, to: number, binCount: number): Bin[] {
  const width = Math.log(to / from) / binCount || 1
  return binned(values, binCount, (value) => Math.log(Math.max(value, from) / from) / width).map(
    (count, index) => ({
      from: from * Math.exp(index * width),
      to: from * Math.exp((index + 1) * width),
      count,
    }),
  )
}

function binned(
  values: Float64Array,
  binCount: number,
  place: (value: number) => number,
): number[] {
  const counts = Array.from({ length: binCount }, () => 0)
  for (const value of values) {
    counts[Math.min(binCount - 1, Math.max(0, Math.floor(place(value))))]! += 1
  }
  return counts
}
