/** Colours and number forms that all pictures share. Pure. */

export const ONE = 'var(--one)'
export const TWO = 'var(--two)'
export const THREE = 'var(--three)'
export const BAD = 'var(--bad)'
export const SOFT = 'var(--soft)'

/** At most three digits that count, with separators. */
export function plainNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

/** For counts: nothing stands between one and two. */
export function wholeNumber(value: number): string {
  return Number.isInteger(value) ? plainNumber(value) : ''
}

/**
 * Where a logarithmic axis is labelled: powers of ten over many decades, 1, 2 and 5 over few, round
 * numbers within one. Labels never touch.
 */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low)
  if (!(decades > 0)) return [low]
  if (decades < 1) return evenTicks(low, high)
  const mantissas = decades <= 2 ? [1, 2, 5] : decades <= 3.5 ? [1, 3] : [1]
  const step = Math.ceil(decades / 7)
  const first = Math.floor(Math.log10(low))
  return Array.from({ length: Math.ceil(decades) + 2 }, (_, at) => first + at)
    .filter((exponent) => mantissas.length > 1 || exponent % step === 0)
    .flatMap((exponent) => mantissas.map((mantissa) => Number(`${mantissa}e${exponent}`)))
    .filter((value) => value >= low && value <= high)
}

function evenTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  )
}
