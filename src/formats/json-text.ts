/** JSON in which 64-bit whole numbers survive. Pure. */
import { RowFault } from './row-fault.ts'

const LONG_NUMBER = /\d{16}/
const WHOLE = /^-?\d{16,20}$/

/**
 * As JSON.parse, but whole numbers that a double cannot hold become a bigint.
 *
 * @throws RowFault in fixed words: V8's own message quotes the input
 */
export function parseJson(text: string): unknown {
  try {
    return LONG_NUMBER.test(text)
      ? (JSON.parse(text, keepWhole) as unknown)
      : (JSON.parse(text) as unknown)
  } catch {
    throw new RowFault('the line is not JSON')
  }
}

function keepWhole(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && WHOLE.test(source) ? BigInt(source) : value
}

/** The inverse: a bigint is written as the number that it is. */
export function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `${JSON.stringify(name)}:${jsonText(field)}`)
  return `{${fields.join(',')}}`
}
