/** Reads a configuration value by value, so that each fault names its place and no key is overlooked. Pure. */
import { TraceError } from '../base/errors.ts'

const KEYS_HINT = 'docs/workload.md shows a whole configuration and lists the laws.'

/** One mapping of a YAML file. */
export class Fields {
  readonly where: string
  readonly #values: Readonly<Record<string, unknown>>
  readonly #seen = new Set<string>()

  /** @throws TraceError BAD_OPTION unless `value` is a mapping */
  constructor(value: unknown, where: string) {
    this.where = where
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TraceError('BAD_OPTION', `${where} wants names and values`, { hint: KEYS_HINT })
    }
    this.#values = value as Record<string, unknown>
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null
  }

  /** As it stands; undefined where it is missing or null. */
  value(key: string): unknown {
    this.#seen.add(key)
    return this.#values[key] ?? undefined
  }

  /** Numbers may be written as text, as they are in many ConfigMaps. */
  number(key: string, fallback?: number, least = -Infinity): number {
    const value = this.value(key) ?? fallback
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof number === 'number' && number >= least && Number.isFinite(number)) return number
    throw this.unfit(key, least === -Infinity ? 'a number' : `a number from ${least} on`)
  }

  text(key: string, fallback?: string): string {
    const value = this.value(key) ?? fallback
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    throw this.unfit(key, 'a text')
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback
    if (typeof value === 'boolean') return value
    throw this.unfit(key, 'true or false')
  }

  list(key: string): readonly unknown[] {
    const value = this.value(key) ?? []
    if (Array.isArray(value)) return value as unknown[]
    throw this.unfit(key, 'a list')
  }

  child(key: string): Fields {
    return new Fields(this.value(key), `${this.where}: ${key}`)
  }

  fault(key: string, message: string): TraceError {
    return new TraceError('BAD_OPTION', `${this.where}: ${key} ${message}`, { hint: KEYS_HINT })
  }

  /** Says what is wanted, and of a key that is missing, which ones are there: it may be misspelled. */
  unfit(key: string, wanted: string): TraceError {
    if (this.has(key)) return this.fault(key, `wants ${wanted}`)
    return new TraceError('BAD_OPTION', `${this.where}: ${key} is missing: ${wanted}`, {
      hint: `There are ${Object.keys(this.#values).join(', ')}. ${KEYS_HINT}`,
    })
  }

  /** Keys that nobody asked for. */
  unread(): string[] {
    return Object.keys(this.#values).filter((key) => !this.#seen.has(key))
  }

  /** @throws TraceError BAD_OPTION naming the first key that means nothing here */
  done(): void {
    const [key] = this.unread()
    if (key !== undefined) throw this.fault(key, 'is not known here')
  }
}
