/** Pairs of runs: Wilcoxon's exact signed-rank test and the shift that goes with it. Pure. */
import type { Shift } from './rank-test.ts'
import { normalCdf } from './special.ts'

/** Above it 2^n sums no longer fit a double exactly; the normal law is close by then. */
const MAX_EXACT = 50

/** How many of the 2^n sign patterns give each sum of positive ranks from 0 to n(n + 1)/2. */
export function signPatterns(n: number): Float64Array {
  const counts = new Float64Array((n * (n + 1)) / 2 + 1)
  counts[0] = 1
  for (let rank = 1; rank <= n; rank += 1) {
    for (let sum = counts.length - 1; sum >= rank; sum -= 1) counts[sum]! += counts[sum - rank]!
  }
  return counts
}

/** Two-sided p-value that differences are symmetric about 0. Zeros are left out; ties share their rank. */
export function signedRankP(differences: readonly number[]): number {
  const sizes = differences.filter((value) => value !== 0)
  const n = sizes.length
  if (n === 0) return 1
  const order = sizes.toSorted((a, b) => Math.abs(a) - Math.abs(b))
  let positive = 0
  for (let start = 0; start < n;) {
    let end = start
    while (end < n && Math.abs(order[end]!) === Math.abs(order[start]!)) end += 1
    const rank = (start + 1 + end) / 2
    for (let index = start; index < end; index += 1) if (order[index]! > 0) positive += rank
    start = end
  }
  const total = (n * (n + 1)) / 2
  const extreme = Math.min(positive, total - positive)
  if (n > MAX_EXACT) {
    const spread = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24)
    return Math.min(1, 2 * normalCdf(-Math.max(0, (total / 2 - extreme - 0.5) / spread)))
  }
  const counts = signPatterns(n)
  let below = 0
  for (let sum = 0; sum <= extreme; sum += 1) below += counts[sum]!
  return Math.min(1, (2 * below) / 2 ** n)
}

/** Median of the Walsh averages, with the exact interval; null where there are too few pairs for it. */
export function pairedShift(differences: readonly number[], level: number = 0.95): Shift {
  const n = differences.length
  const averages = Float64Array.from(
    differences.flatMap((a, index) => differences.slice(index).map((b) => (a + b) / 2)),
  ).toSorted()
  const middle = (averages.length - 1) / 2
  const shift = (averages[Math.floor(middle)]! + averages[Math.ceil(middle)]!) / 2
  const cut = criticalSum(n, (1 - level) / 2)
  if (cut < 1) return { shift, interval: null }
  return { shift, interval: { low: averages[cut - 1]!, high: averages[averages.length - cut]! } }
}

/** Averages to leave out at each end, plus one: the largest k with P(W < k) ≤ tail. */
function criticalSum(n: number, tail: number): number {
  if (n > MAX_EXACT) {
    const spread = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24)
    return Math.max(0, Math.floor((n * (n + 1)) / 4 - normalQuantile(1 - tail) * spread))
  }
  const counts = signPatterns(n)
  let below = 0
  for (let sum = 0; sum < counts.length; sum += 1) {
    below += counts[sum]! / 2 ** n
    if (below > tail) return sum
  }
  return 0
}

function normalQuantile(p: number): number {
  let [low, high] = [-10, 10]
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2
    if (normalCdf(middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Fewest pairs whose test can reach a two-sided level at all: 2 / 2^n ≤ level. */
export function fewestPairs(level: number): number {
  return Math.ceil(Math.log2(2 / level))
}
