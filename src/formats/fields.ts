/** Reads one value out of foreign data, or throws a RowFault in fixed words. Pure. */
import { RowFault } from './row-fault.ts'

export type JsonRecord = Readonly<Record<string, unknown>>

/** Counts above this are a mistake or an attack, not a prompt. */
const MAX_TOKENS = 1_000_000_000

export function asRecord(value: unknown, name: string): JsonRecord {
  if (isRecord(value)) return value
  throw new RowFault(`${name} is not an object`)
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function asList(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  throw new RowFault(`${name} is not a list`)
}

/** A whole number from 0 on; also as text, which CSV and some JSON writers give. */
export function asCount(value: unknown, name: string): number {
  const number = optionalCount(value, name)
  if (number === null) throw new RowFault(`${name} is missing`)
  return number
}

/** As `asCount`; null where it is missing, null or blank. */
export function optionalCount(value: unknown, name: string): number | null {
  if (isMissing(value)) return null
  const number = numberOf(value)
  if (Number.isInteger(number) && number >= 0 && number <= MAX_TOKENS) return number
  throw new RowFault(`${name} is not a count`)
}

/** Any finite number; null where it is missing, null or blank. */
export function optionalNumber(value: unknown, name: string): number | null {
  if (isMissing(value)) return null
  const number = numberOf(value)
  if (Number.isFinite(number)) return number
  throw new RowFault(`${name} is not a number`)
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
}

/** Lists and truth values are no numbers, though `Number` makes some of them. */
function numberOf(value: unknown): number {
  const isNumber =
    typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint'
  return isNumber ? Number(value) : Number.NaN
}

/** The name of a session, a request or a user, which some writers give as a number. */
export function optionalId(value: unknown): string | null {
  return typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : optionalText(value)
}

/** Text of bounded length; null where it is missing, null or blank. */
export function optionalText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? value : null
}

/** Names of models and the like; longer text is content, not a name. */
const MAX_TEXT = 256

/** A first token has a time of its own only where the answer was watched as it came. */
export function firstToken(ttftUs: number | null): { ttftUs: number | null; stream?: true } {
  return ttftUs === null ? { ttftUs } : { ttftUs, stream: true }
}

/** seconds → µs, null kept. */
export function secondsUs(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * 1_000_000)
}

/** ms → µs, null kept. */
export function millisUs(millis: number | null): number | null {
  return millis === null ? null : Math.round(millis * 1_000)
}
