/** Times as the world writes them → integer µs. Pure. */

/** µs in one unit of a number that stands for a time. */
export const US_PER_UNIT = { ns: 0.001, us: 1, ms: 1_000, s: 1_000_000 } as const
export type TimeUnit = keyof typeof US_PER_UNIT

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?$/

/** Digits after the decimal point of a second, as far as a µs goes. */
const FRACTION_DIGITS = 6

/**
 * ISO 8601 and its common variants: a blank for the T, any number of fraction digits or none, an
 * offset, Z or nothing. A time without an offset is taken as UTC. Digits below 1 µs round half up,
 * so 100 ns ticks lose at most half a µs; a JS Date would cut at 1 ms.
 *
 * @returns µs since 1970, NaN if it is no such time
 */
export function parseIsoUs(text: string): number {
  const match = ISO.exec(text)
  if (match === null) return Number.NaN
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  const wholeMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  const below = fraction.charAt(FRACTION_DIGITS) >= '5' ? 1 : 0
  const fractionUs = Number(fraction.slice(0, FRACTION_DIGITS).padEnd(FRACTION_DIGITS, '0')) + below
  return wholeMs * 1_000 + fractionUs - offsetMinutes(zone) * 60_000_000
}

const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

function offsetMinutes(zone: string): number {
  if (zone === 'Z' || zone === 'UTC') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  const minutes = zone.length > 3 ? Number(zone.slice(-2)) : 0
  return sign * (Number(zone.slice(1, 3)) * 60 + minutes)
}

/**
 * A number in a unit, written as a number or as text, or a date, which needs no unit. Whole
 * nanoseconds since 1970 do not fit a double, so digits are cut as text.
 *
 * @returns integer µs, NaN if it is neither
 */
export function parseUnitUs(value: unknown, unit: TimeUnit): number {
  if (typeof value === 'bigint') return parseUnitUs(String(value), unit)
  if (typeof value === 'number') return Math.round(value * US_PER_UNIT[unit])
  if (typeof value !== 'string') return Number.NaN
  if (!NUMBER.test(value)) return parseIsoUs(value)
  if (unit === 'ns' && /^\d{16,}$/.test(value)) {
    return Number(value.slice(0, -3)) + (value.charAt(value.length - 3) >= '5' ? 1 : 0)
  }
  return Math.round(Number(value) * US_PER_UNIT[unit])
}
