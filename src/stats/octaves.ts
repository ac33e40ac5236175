/** Durations counted in buckets, eight to the octave, from 1 µs to 18 min. Pure. */

const BUCKETS_PER_OCTAVE = 8
export const BUCKETS = BUCKETS_PER_OCTAVE * 30

/** How often each bucket was met, and the sum of all values in µs. */
export type Tally = Readonly<{ counts: Float64Array; sumUs: number }>

export function emptyTally(): Tally {
  return { counts: new Float64Array(BUCKETS), sumUs: 0 }
}

export function bucketOf(us: number): number {
  return Math.max(0, Math.min(BUCKETS - 1, Math.floor(BUCKETS_PER_OCTAVE * Math.log2(us + 1))))
}

/** Upper edge of a bucket, µs. */
export function edgeUs(bucket: number): number {
  return 2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE) - 1
}

export function addTallies(tallies: readonly Tally[]): Tally {
  const { counts } = emptyTally()
  for (const each of tallies) {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) counts[bucket]! += each.counts[bucket] ?? 0
  }
  return { counts, sumUs: tallies.reduce((sum, each) => sum + each.sumUs, 0) }
}

/** @returns what came since `before`, of the same count that goes on */
export function countsSince(now: Float64Array, before: Float64Array | undefined): Float64Array {
  return before === undefined ? now : now.map((count, bucket) => count - (before[bucket] ?? 0))
}

/** @returns µs, the upper edge of the bucket that holds it: at most 9 % too high; null of no values */
export function bucketQuantileUs(counts: Float64Array, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    seen += count
    if (seen >= share * total) return Math.round(edgeUs(bucket))
  }
  return null
}
