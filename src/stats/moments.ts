/** Mean, spread and shape of a set of numbers; population moments (divided by n). Pure. */

export type Moments = Readonly<{
  n: number
  sum: number
  mean: number
  /** Population standard deviation. */
  sd: number
  /** sd over mean; NaN where the mean is 0. */
  cv: number
  /** Third standardised moment; 0 where all values are equal. */
  skew: number
  min: number
  max: number
}>

/** Two passes, so that large offsets lose no digits. No values give n = 0 and NaN elsewhere. */
export function describe(values: Float64Array): Moments {
  const n = values.length
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let index = 0; index < n; index += 1) {
    const value = values[index]!
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  if (n === 0) {
    const none = Number.NaN
    return { n, sum: 0, mean: none, sd: none, cv: none, skew: none, min: none, max: none }
  }
  const mean = sum / n
  let squares = 0
  let cubes = 0
  for (let index = 0; index < n; index += 1) {
    const off = values[index]! - mean
    squares += off * off
    cubes += off * off * off
  }
  const sd = Math.sqrt(squares / n)
  return { n, sum, mean, sd, cv: sd / mean, skew: sd === 0 ? 0 : cubes / n / sd ** 3, min, max }
}

/** Of any number of values: as arguments of one call, a hundred thousand are too many. */
export function largestOf(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY)
}
