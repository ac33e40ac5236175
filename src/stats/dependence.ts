/** How much neighbours in a series resemble each other, and how many independent values that leaves. Pure. */
import { describe } from './moments.ts'

/** A correlation below this is noise, and the sum ends. */
const CUT_OFF = 0.05
/** A series is never taken to hold fewer independent values than this many stretches. */
const MAX_LAG_SHARE = 1 / 4

/**
 * Integrated autocorrelation time: 1 + 2·Σ ρ(k), up to the first ρ(k) < 0.05. The mean
 * is taken from the same series, which makes each ρ(k) too small by about τ/n; that is added back.
 *
 * @returns at least 1; 1 for independent values
 */
export function correlationLength(values: Float64Array): number {
  const n = values.length
  if (n < 8) return 1
  const { mean, sd } = describe(values)
  if (sd === 0) return 1
  const scale = 1 / (n * sd * sd)
  let length = 1
  for (let lag = 1; lag < n * MAX_LAG_SHARE; lag += 1) {
    let products = 0
    for (let index = lag; index < n; index += 1) {
      products += (values[index]! - mean) * (values[index - lag]! - mean)
    }
    const correlation = products * scale * (n / (n - lag)) + length / n
    if (correlation < CUT_OFF) break
    length += 2 * correlation
  }
  return length
}
