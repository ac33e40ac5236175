/** Reads a configuration value by value, so that each fault names its place and no key is overlooked. Pure. */
import { TraceError } from '../base/errors.ts'

const KEYS_HINT = 'docs/workload.md shows a whole configuration and lists the laws.'

/** One mapping of a YAML file. */
export class Fields {
  readonly where: string
  readonly #values: Readonly<Record<string, unknown>>
  readonly #seen = new Set<string>()
  readonly #path: readonly string[]
  /** Paths of all values that were asked for, of this mapping and of those around and inside it. */
  readonly #seenPaths: Set<string>

  /** @throws TraceError BAD_OPTION unless `value` is a mapping */
  constructor(
    value: unknown,
    where: string,
    inside: Readonly<{ path: readonly string[]; seenPaths: Set<string> }> | null = null,
  ) {
    this.where = where
    this.#path = inside?.path ?? []
    this.#seenPaths = inside?.seenPaths ?? new Set()
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
    this.#seenPaths.add([...this.#path, key].join('.'))
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
    if (!this.has(key)) throw this.unfit(key, 'names and values')
    return this.#inside(this.value(key), `${this.where}: ${key}`, [key])
  }

  /** A mapping that may be missing: then it is empty. */
  childOrNone(key: string): Fields {
    return this.#inside(this.value(key) ?? {}, `${this.where}: ${key}`, [key])
  }

  /** A list of mappings. */
  children(key: string): Fields[] {
    return this.list(key).map((item, index) =>
      this.#inside(item, `${this.where}: ${key} ${index + 1}`, [key, String(index)]),
    )
  }

  #inside(value: unknown, where: string, keys: readonly string[]): Fields {
    return new Fields(value, where, {
      path: [...this.#path, ...keys],
      seenPaths: this.#seenPaths,
    })
  }

  /** Paths such as `load.stages.0.rate` of the values, at any depth, that nobody asked for. */
  unreadPaths(): string[] {
    return leafPaths(this.#values, []).filter((path) => !this.#seenPaths.has(path))
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

function leafPaths(value: unknown, path: readonly string[]): string[] {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (entries.length === 0) return path.length === 0 ? [] : [path.join('.')]
  return entries.flatMap(([key, item]) => leafPaths(item, [...path, key]))
}
