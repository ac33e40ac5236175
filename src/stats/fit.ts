/** Fits of four laws to positive gaps by maximum likelihood, each with its KS distance. Pure. */
import { ksAgainst } from './distance.ts'
import { describe } from './moments.ts'
import { digamma, gammaP, normalCdf } from './special.ts'

export type ArrivalFit = Readonly<{
  n: number
  ks_exp: number
  gamma_shape: number
  gamma_scale: number
  ks_gamma: number
  weibull_shape: number
  weibull_scale: number
  ks_weibull: number
  lognorm_sigma: number
  ks_lognorm: number
}>

/** Below this a fit would say more about chance than about the arrivals. */
const MIN_GAPS = 50

/** Spread of the logarithms below which gaps are a beat: shapes would go beyond what numbers hold. */
const LEAST_SPREAD = 1e-4

/**
 * @param gaps positive and non-positive gaps; only positive ones count
 * @returns null for fewer than 50 positive gaps, or where they do not vary
 */
export function fitGaps(gaps: Float64Array): ArrivalFit | null {
  const values = gaps.filter((gap) => gap > 0).toSorted()
  if (values.length < MIN_GAPS) return null
  const logs = values.map((value) => Math.log(value))
  const { mean } = describe(values)
  const { mean: meanLog, sd: sigma } = describe(logs)
  if (sigma < LEAST_SPREAD) return null
  const gammaShape = fitGammaShape(Math.log(mean) - meanLog)
  const gammaScale = mean / gammaShape
  const weibullShape = fitWeibullShape(values, logs, meanLog, 1.2825 / sigma)
  const weibullScale = powerMean(values, weibullShape)
  return {
    n: values.length,
    ks_exp: ksAgainst(values, (gap) => 1 - Math.exp(-gap / mean)),
    gamma_shape: gammaShape,
    gamma_scale: gammaScale,
    ks_gamma: ksAgainst(values, (gap) => gammaP(gammaShape, gap / gammaScale)),
    weibull_shape: weibullShape,
    weibull_scale: weibullScale,
    ks_weibull: ksAgainst(values, (gap) => 1 - Math.exp(-((gap / weibullScale) ** weibullShape))),
    lognorm_sigma: sigma,
    ks_lognorm: ksAgainst(values, (gap) => normalCdf((Math.log(gap) - meanLog) / sigma)),
  }
}

/** Root of ln k − ψ(k) = s by Minka's generalised Newton step. */
function fitGammaShape(s: number): number {
  let shape = (3 - s + Math.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
  for (let step = 0; step < 100; step += 1) {
    const off = Math.log(shape) - digamma(shape) - s
    const slope = 1 / shape - trigamma(shape)
    const next = shape - off / slope
    if (!(next > 0) || Math.abs(next - shape) <= 1e-13 * shape) break
    shape = next
  }
  return shape
}

function trigamma(x: number): number {
  let value = x
  let result = 0
  while (value < 10) {
    result += 1 / (value * value)
    value += 1
  }
  const inverse = 1 / (value * value)
  return (
    result +
    1 / value +
    inverse / 2 +
    (inverse / value) * (1 / 6 - inverse * (1 / 30 - inverse * (1 / 42 - inverse / 30)))
  )
}

/** Root of Σ x^k ln x / Σ x^k − 1/k = mean ln x, by Newton on scaled values. */
function fitWeibullShape(
  values: Float64Array,
  logs: Float64Array,
  meanLog: number,
  start: number,
): number {
  let shape = start
  for (let step = 0; step < 100; step += 1) {
    let [weights, first, second] = [0, 0, 0]
    for (let index = 0; index < values.length; index += 1) {
      const log = logs[index]! - meanLog
      const weight = Math.exp(shape * log)
      weights += weight
      first += weight * log
      second += weight * log * log
    }
    const ratio = first / weights
    const off = ratio - 1 / shape
    const slope = second / weights - ratio * ratio + 1 / (shape * shape)
    const next = Math.max(shape / 2, shape - off / slope)
    if (Math.abs(next - shape) <= 1e-13 * shape) return next
    shape = next
  }
  return shape
}

function powerMean(values: Float64Array, power: number): number {
  const { max } = describe(values)
  let sum = 0
  for (const value of values) sum += (value / max) ** power
  return max * (sum / values.length) ** (1 / power)
}
