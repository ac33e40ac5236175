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
