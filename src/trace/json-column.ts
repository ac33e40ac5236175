/** The JSON of a trace's rows, read as what it claims to be: files come from strangers. Pure. */
import { TraceError } from '../base/errors.ts'

export type JsonRecord = Readonly<Record<string, unknown>>

/** One row that this one came after. */
export type Dependency = Readonly<{
  seq: number
  /** 'dispatch' or 'end' of that row. */
  trigger: string
  relation: string
  delayUs: number
}>

/** Deeper values overflow the stack of those who write them again; ours are two deep. */
const MAX_DEPTH = 64

/**
 * @param column as the format's document names it, e.g. 'request.params'
 * @param row its number, where it is known
 * @throws TraceError TRACE_UNREADABLE, which does not quote the file
 */
export function jsonValue(json: string, column: string, row?: number): unknown {
  try {
    if (!isDeep(json)) return JSON.parse(json) as unknown
  } catch {
    // Said below, without the words of the parser: they quote the file.
  }
  throw wrongJson(column, 'no readable JSON', row)
}

/** @param json null is an empty one */
export function jsonObject(json: string | null, column: string, row?: number): JsonRecord {
  const value = json === null ? {} : jsonValue(json, column, row)
  if (isRecord(value)) return value
  throw wrongJson(column, 'no JSON object', row)
}

/** @param json null is an empty one */
export function jsonList(json: string | null, column: string, row?: number): readonly unknown[] {
  const value = json === null ? [] : jsonValue(json, column, row)
  if (Array.isArray(value)) return value as unknown[]
  throw wrongJson(column, 'no JSON list', row)
}

/** @param json of `request.dependencies` */
export function dependenciesOf(json: string | null, row?: number): Dependency[] {
  return jsonList(json, 'request.dependencies', row).map((one) => {
    const found = isRecord(one) ? one : {}
    const [seq, trigger] = [numberIn(found, 'seq'), textIn(found, 'trigger')]
    const delayUs = numberIn(found, 'delayUs')
    if (seq === null || trigger === null || delayUs === null) {
      throw wrongJson('request.dependencies', 'no list of {seq, trigger, relation, delayUs}', row)
    }
    return { seq, trigger, relation: textIn(found, 'relation') ?? '', delayUs }
  })
}

/** The numbers and flags of `request.params`: the format knows no others, so a text is left out. */
export function paramsOf(json: string | null, row?: number): Record<string, number | boolean> {
  const entries = Object.entries(jsonObject(json, 'request.params', row))
  return Object.fromEntries(entries.filter(isParam))
}

function isParam(entry: [string, unknown]): entry is [string, number | boolean] {
  return typeof entry[1] === 'boolean' || isNumber(entry[1])
}

/** Width, height and bytes of each picture of `request.imageSizes`, null where unknown. */
export function imageSizesOf(
  json: string | null,
  row?: number,
): readonly (readonly (number | null)[])[] {
  const list = jsonList(json, 'request.image_sizes', row)
  if (list.length <= MAX_IMAGES && list.every(isSize)) return list
  throw wrongJson('request.image_sizes', `no list of ${MAX_IMAGES} sizes at most`, row)
}

/** A recorder keeps so many of one request. */
export const MAX_IMAGES = 1_000

function isSize(one: unknown): one is (number | null)[] {
  if (!Array.isArray(one) || one.length > 3) return false
  return one.every((part) => part === null || (isNumber(part) && part >= 0))
}

/** A number as far as whole ones are exact, else null. */
export function numberIn(record: JsonRecord, name: string): number | null {
  const value = Object.hasOwn(record, name) ? record[name] : null
  return isNumber(value) ? value : null
}

export function textIn(record: JsonRecord, name: string): string | null {
  const value = Object.hasOwn(record, name) ? record[name] : null
  return typeof value === 'string' ? value : null
}

export function wrongJson(column: string, what: string, row?: number): TraceError {
  const place = row === undefined || Number.isNaN(row) ? column : `${column} of row ${row}`
  return new TraceError('TRACE_UNREADABLE', `${place} is ${what}`, {
    hint: 'docs/trace-format.md says what each column holds; another program wrote this one.',
  })
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether it nests beyond what any trace holds, by its brackets, those within texts too: an honest text holds fewer. */
export function isDeep(json: string): boolean {
  if (json.length <= MAX_DEPTH) return false
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (code === 0x5b || code === 0x7b) depth += 1
    else if (code === 0x5d || code === 0x7d) depth -= 1
    if (depth > MAX_DEPTH) return true
  }
  return false
}
