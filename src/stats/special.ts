/** Special functions that laws and tests need, to about 1e-12 of their value. Pure. */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const

/** ln Γ(x) for x > 0 (Lanczos, g = 7). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  const base = shifted + 7.5
  let series: number = LANCZOS[0]
  for (let k = 1; k < LANCZOS.length; k += 1) series += LANCZOS[k]! / (shifted + k)
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(series)
}

/** ψ(x) = d ln Γ / dx for x > 0: recurrence up to 10, then the asymptotic series. */
export function digamma(x: number): number {
  let value = x
  let result = 0
  while (value < 10) {
    result -= 1 / value
    value += 1
  }
  const inverse = 1 / (value * value)
  return (
    result +
    Math.log(value) -
    0.5 / value -
    inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse / 240)))
  )
}

const MAX_TERMS = 10_000
const TINY = 1e-300

/** Regularised lower incomplete gamma P(a, x): the series below a + 1, Lentz's fraction above. */
export function gammaP(a: number, x: number): number {
  if (x <= 0) return 0
  const scale = Math.exp(-x + a * Math.log(x) - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < MAX_TERMS && term > sum * 1e-15; n += 1) {
      term *= x / (a + n)
      sum += term
    }
    return Math.min(1, sum * scale)
  }
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / b
  let fraction = d
  for (let n = 1; n < MAX_TERMS; n += 1) {
    const factor = -n * (n - a)
    b += 2
    d = 1 / nonzero(factor * d + b)
    c = nonzero(b + factor / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return Math.max(0, 1 - scale * fraction)
}

/** Φ(z), the standard normal distribution function. */
export function normalCdf(z: number): number {
  const half = gammaP(0.5, (z * z) / 2) / 2
  return z < 0 ? 0.5 - half : 0.5 + half
}

/** Regularised incomplete beta I_x(a, b), by Lentz's fraction. */
export function betaI(a: number, b: number, x: number): number {
  return Math.exp(logBetaI(a, b, x))
}

/** Its logarithm, also where the value itself is too small for a number. */
export function logBetaI(a: number, b: number, x: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY
  if (x >= 1) return 0
  const logScale =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)
  return x < (a + 1) / (a + b + 2)
    ? logScale + Math.log(betaFraction(a, b, x) / a)
    : Math.log1p((-Math.exp(logScale) * betaFraction(b, a, 1 - x)) / b)
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1
  let d = 1 / nonzero(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonzero(1 + even * d)
    c = nonzero(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonzero(1 + odd * d)
    c = nonzero(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return fraction
}

function nonzero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value
}
