/** How much neighbours in a series resemble each other, and how many independent values that leaves. Pure. */

/** A correlation below this is noise, and the sum ends. */
const CUT_OFF = 0.05
/** A series is never taken to hold fewer independent values than this many stretches. */
const MAX_LAG_SHARE = 1 / 4
/** From here on lags are sampled, each standing for those up to the next: a sixteenth of itself. */
const FIRST_SAMPLED = 32
const SAMPLED_SHARE = 1 / 16
/** Standard errors above the estimate that `atMost` allows for. */
const SPARE_ERRORS = 2

export type Dependence = Readonly<{
  /** Integrated autocorrelation time, at least 1; 1 for independent values. */
  length: number
  /** What it may be as well: two standard errors more. */
  atMost: number
}>

/**
 * Integrated autocorrelation time: 1 + 2·Σ ρ(k), up to the first ρ(k) < 0.05. The mean
 * is taken from the same series, which makes each ρ(k) too small by about τ/n; that is added back.
 * Its relative standard error is √(2(2W + 1)/n), W the last lag summed (Madras and Sokal 1988).
 */
export function dependenceOf(values: Float64Array | Uint8Array): Dependence {
  const n = values.length
  const { centred, variance } = centre(values)
  if (n < 8 || variance === 0) return { length: 1, atMost: 1 }
  const scale = 1 / variance
  let length = 1
  let lag = 1
  while (lag < n * MAX_LAG_SHARE) {
    const correlation = meanProduct(centred, lag) * scale + length / n
    if (correlation < CUT_OFF) break
    const step = lag < FIRST_SAMPLED ? 1 : Math.floor(lag * SAMPLED_SHARE)
    length += 2 * correlation * step
    lag += step
  }
  return { length, atMost: length * (1 + SPARE_ERRORS * Math.sqrt((2 * (2 * lag - 1)) / n)) }
}

export function correlationLength(values: Float64Array): number {
  return dependenceOf(values).length
}

/** In four bytes a value: a correlation needs no more, and there may be millions. */
function centre(values: Float64Array | Uint8Array) {
  let sum = 0
  for (let index = 0; index < values.length; index += 1) sum += values[index]!
  const mean = sum / values.length
  const centred = new Float32Array(values.length)
  let squares = 0
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]! - mean
    centred[index] = value
    squares += value * value
  }
  return { centred, variance: squares / values.length }
}

function meanProduct(centred: Float32Array, lag: number): number {
  let products = 0
  for (let index = lag; index < centred.length; index += 1) {
    products += centred[index]! * centred[index - lag]!
  }
  return products / (centred.length - lag)
}
