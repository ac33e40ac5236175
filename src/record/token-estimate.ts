/**
 * How many tokens a text has, learned from texts whose count the server told.
 *
 * For each model and kind of text a least-squares fit of tokens on the text's features, weighted so
 * that sums come out right, starting from what common tokenizers do. Pure.
 */
import { FEATURE_COUNT, type Features } from './token-features.ts'

/** Letters, words, digits, other ASCII and wide bytes of common tokenizers; first a template's own. */
const PRIOR_TEXT = [0, 0.1, 0.7, 0.6, 0.5, 0.35]
const PRIOR_TEMPLATE_TOKENS = 8
/** The prior weighs as much as so many texts. */
const PRIOR_WEIGHT = 1
/** Older texts count less: half after about so many. */
const HALF_LIFE_TEXTS = 5_000
const MAX_KINDS = 500

type Fit = {
  /** Weighted sums of products of features, and of features with tokens. */
  products: Float64Array
  targets: Float64Array
  weights: Float64Array | null
  texts: number
}

export class TokenEstimate {
  readonly #fits = new Map<string, Fit>()

  /** @param kind model and sort of text, e.g. 'tiny/chat' */
  learn(kind: string, features: Features, tokens: number): void {
    const fit = this.#fitOf(kind)
    if (fit === null) return
    const keep = 0.5 ** (1 / HALF_LIFE_TEXTS)
    const weight = 1 / (tokens + 4)
    for (let row = 0; row < FEATURE_COUNT; row += 1) {
      const value = (features[row] ?? 0) * weight
      fit.targets[row] = (fit.targets[row] ?? 0) * keep + value * tokens
      for (let column = 0; column < FEATURE_COUNT; column += 1) {
        const at = row * FEATURE_COUNT + column
        fit.products[at] = (fit.products[at] ?? 0) * keep + value * (features[column] ?? 0)
      }
    }
    fit.weights = null
    fit.texts += 1
  }

  /** @returns whole tokens, 1 or more */
  predict(kind: string, features: Features): number {
    const fit = this.#fitOf(kind)
    const weights = fit === null ? priorOf(kind) : (fit.weights ??= solve(fit, priorOf(kind)))
    const tokens = dot(weights, features)
    const lengthBytes = features.subarray(1).reduce((sum, count, index) => {
      return index === 1 ? sum : sum + count
    }, 0)
    // No text is shorter or longer in tokens than this, whatever was learned from others.
    const least = 1 + lengthBytes / 30
    return Math.round(Math.min(Math.max(tokens, least), lengthBytes + 64))
  }

  /** Texts that a kind was learned from. */
  textsOf(kind: string): number {
    return this.#fits.get(kind)?.texts ?? 0
  }

  #fitOf(kind: string): Fit | null {
    const known = this.#fits.get(kind)
    if (known !== undefined) return known
    if (this.#fits.size >= MAX_KINDS) return null
    const fit: Fit = {
      products: new Float64Array(FEATURE_COUNT ** 2),
      targets: new Float64Array(FEATURE_COUNT),
      weights: null,
      texts: 0,
    }
    this.#fits.set(kind, fit)
    return fit
  }
}

/** Kinds of text that pass through a chat template. */
const TEMPLATED = /\/(?:chat|responses|messages)$/

function priorOf(kind: string): Float64Array {
  const prior = Float64Array.from(PRIOR_TEXT)
  if (TEMPLATED.test(kind)) prior[0] = PRIOR_TEMPLATE_TOKENS
  return prior
}

function dot(weights: Float64Array, features: Features): number {
  return weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), 0)
}

/** How far each prior weight may be off: features differ in size, so a ridge must too. */
const PRIOR_SPREAD = [8, 0.05, 0.4, 0.4, 0.4, 0.25]

/** Least squares with the prior as a ridge, by elimination with pivots. */
function solve(fit: Fit, prior: Float64Array): Float64Array {
  const size = FEATURE_COUNT
  const rows = Array.from({ length: size }, (_, row) => {
    const line = new Float64Array(size + 1)
    line.set(fit.products.subarray(row * size, (row + 1) * size))
    const ridge = PRIOR_WEIGHT / (PRIOR_SPREAD[row] ?? 1) ** 2
    line[row] = (line[row] ?? 0) + ridge
    line[size] = (fit.targets[row] ?? 0) + ridge * (prior[row] ?? 0)
    return line
  })
  for (let column = 0; column < size; column += 1) eliminate(rows, column)
  return Float64Array.from(rows, (line, row) => (line[size] ?? 0) / (line[row] ?? 1))
}

function eliminate(rows: Float64Array[], column: number): void {
  const size = (line: Float64Array) => Math.abs(line[column] ?? 0)
  let best = column
  for (let row = column + 1; row < rows.length; row += 1) {
    if (size(rows[row] as Float64Array) > size(rows[best] as Float64Array)) best = row
  }
  const pivot = rows[best] as Float64Array
  rows[best] = rows[column] as Float64Array
  rows[column] = pivot
  const head = pivot[column] ?? 0
  if (head === 0) return
  rows.forEach((line, row) => {
    if (row === column) return
    const factor = (line[column] ?? 0) / head
    for (let at = column; at < line.length; at += 1) {
      line[at] = (line[at] ?? 0) - factor * (pivot[at] ?? 0)
    }
  })
}
