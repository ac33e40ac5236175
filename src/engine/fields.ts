/** Fields of a body with the leniency of vLLM's validator, all errors of a body together. Pure. */
import { type Body, missing, shown } from './body.ts'
import { type FieldError, invalidFields } from './refusal.ts'

const TRUE_WORDS = new Set(['true', '1', 'yes', 'y', 'on', 't'])
const FALSE_WORDS = new Set(['false', '0', 'no', 'n', 'off', 'f'])

/** Reads fields one by one and remembers what was wrong; `finish` throws it. */
export class Fields {
  readonly body: Body
  readonly #prefix: string
  readonly #errors: FieldError[] = []

  constructor(body: Body, prefix = 'body') {
    this.body = body
    this.#prefix = prefix
  }

  /** @throws Refusal with every wrong field, in the order in which they were read */
  finish(): void {
    if (this.#errors.length > 0) throw invalidFields(this.#errors)
  }

  /** Left out and null are the same. */
  has(name: string): boolean {
    return this.body[name] !== undefined && this.body[name] !== null
  }

  require(name: string): void {
    if (this.body[name] === undefined) {
      this.#errors.push(missing(`${this.#prefix}.${name}`, this.body))
    }
  }

  fail(name: string, type: string, msg: string, ctx?: string): void {
    const input = shown(this.body[name])
    const loc = `${this.#prefix}.${name}`
    this.#errors.push({ type, loc, msg, input, ...(ctx === undefined ? {} : { ctx }) })
  }

  integer(name: string): number | null {
    if (!this.has(name)) return null
    const value = this.body[name]
    if (typeof value === 'boolean') return Number(value)
    if (typeof value === 'string') {
      if (/^\s*[-+]?\d+\s*$/.test(value)) return Number(value)
      this.fail(
        name,
        'int_parsing',
        'Input should be a valid integer, unable to parse string as an integer',
      )
    } else if (typeof value !== 'number') {
      this.fail(name, 'int_type', 'Input should be a valid integer')
    } else if (Number.isInteger(value)) {
      return value
    } else {
      this.fail(
        name,
        'int_from_float',
        'Input should be a valid integer, got a number with a fractional part',
      )
    }
    return null
  }

  /** A whole number from `min` on. */
  integerFrom(name: string, min: number): number | null {
    const value = this.integer(name)
    if (value === null || value >= min) return value
    const says = `Input should be greater than or equal to ${min}`
    this.fail(name, 'greater_than_equal', says, `{'ge': ${min}}`)
    return null
  }

  real(name: string): number | null {
    if (!this.has(name)) return null
    const value = this.body[name]
    if (typeof value === 'number') return value
    if (typeof value === 'boolean') return Number(value)
    if (typeof value !== 'string') {
      this.fail(name, 'float_type', 'Input should be a valid number')
    } else if (value.trim() !== '' && Number.isFinite(Number(value))) {
      return Number(value)
    } else {
      this.fail(
        name,
        'float_parsing',
        'Input should be a valid number, unable to parse string as a number',
      )
    }
    return null
  }

  flag(name: string): boolean {
    if (!this.has(name)) return false
    const value = this.body[name]
    if (typeof value === 'boolean') return value
    const word = shown(value).toLowerCase()
    if (TRUE_WORDS.has(word)) return true
    if (!FALSE_WORDS.has(word)) {
      const isWord = typeof value === 'string' || typeof value === 'number'
      this.fail(
        name,
        isWord ? 'bool_parsing' : 'bool_type',
        isWord
          ? 'Input should be a valid boolean, unable to interpret input'
          : 'Input should be a valid boolean',
      )
    }
    return false
  }

  text(name: string): string | null {
    if (!this.has(name)) return null
    const value = this.body[name]
    if (typeof value === 'string') return value
    this.fail(name, 'string_type', 'Input should be a valid string')
    return null
  }

  list(name: string): readonly unknown[] | null {
    if (!this.has(name)) return null
    const value = this.body[name]
    if (Array.isArray(value)) return value
    this.fail(name, 'list_type', 'Input should be a valid list')
    return null
  }

  object(name: string): Body | null {
    if (!this.has(name)) return null
    const value = this.body[name]
    if (typeof value === 'object' && !Array.isArray(value)) return value as Body
    this.fail(name, 'model_attributes_type', OBJECT_WANTED)
    return null
  }
}

const OBJECT_WANTED = 'Input should be a valid dictionary or object to extract fields from'
