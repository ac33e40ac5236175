/** One column of numbers in the figures that public traces are described by. Pure. */
import { describe } from '../stats/moments.ts'
import { quantiles } from '../stats/quantile.ts'

/** Percentiles are type 7, sd and cv divide by n. Names are those of the JSON documents. */
export type Summary = Readonly<{
  n: number
  mean: number
  sd: number
  min: number
  p50: number
  p90: number
  p95: number
  p99: number
  max: number
  sum: number
  cv: number
  zeros: number
}>

/** @returns null for no values */
export function summarise(values: Float64Array): Summary | null {
  if (values.length === 0) return null
  const { n, mean, sd, min, max, sum, cv } = describe(values)
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = quantiles(values, [0.5, 0.9, 0.95, 0.99])
  let zeros = 0
  for (let index = 0; index < n; index += 1) if (values[index] === 0) zeros += 1
  return { n, mean, sd, min, p50, p90, p95, p99, max, sum, cv: finite(cv), zeros }
}

/** JSON has no NaN. A ratio to a mean of 0 is 0 here. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}
