/** JSON bodies as vLLM reads them: what is wrong with one, in the words of Python's parser. Pure. */
import { Refusal, invalidFields, quoted } from './refusal.ts'

export type Body = Readonly<Record<string, unknown>>

/** @throws Refusal where the text is not a JSON object */
export function parseBody(text: string, contentType: string): Body {
  if ((contentType.split(';')[0] ?? '').trim().toLowerCase() !== 'application/json')
    throw unsupported()
  if (text === '') throw invalidFields([missing('body', null)])
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const { at, error } = findJsonError(text)
    throw invalidFields([
      {
        type: 'json_invalid',
        loc: `body.${at}`,
        msg: 'JSON decode error',
        input: '<dict of 0 items>',
        ctx: `{'error': ${quoted(error)}}`,
      },
    ])
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidFields([
      {
        type: 'model_attributes_type',
        loc: 'body',
        msg: 'Input should be a valid dictionary or object to extract fields from',
        input: shown(value),
      },
    ])
  }
  return value as Body
}

function unsupported(): Refusal {
  const message =
    "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed"
  return new Refusal(400, 'Bad Request', message)
}

export function missing(loc: string, body: Body | null) {
  const input = body === null ? 'None' : shown(body)
  return { type: 'missing', loc, msg: 'Field required', input }
}

/** How a value is shown in an error: containers by their size. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (Array.isArray(value)) return `<list of ${value.length} items>`
  if (typeof value === 'object') return `<dict of ${Object.keys(value).length} items>`
  return typeof value === 'string' ? value : JSON.stringify(value)
}

type JsonError = Readonly<{ at: number; error: string }>

/** Where Python's parser would stop, and what it would say. */
export function findJsonError(text: string): JsonError {
  const scan: Scan = { text, at: 0 }
  try {
    skipValue(scan)
    skipSpace(scan)
    return { at: scan.at, error: 'Extra data' }
  } catch (error) {
    if (error instanceof StopHere) return { at: error.at, error: error.message }
    throw error
  }
}

type Scan = { readonly text: string; at: number }

class StopHere extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

function skipSpace(scan: Scan): void {
  while (' \t\n\r'.includes(scan.text[scan.at] ?? 'x')) scan.at += 1
}

const SCALAR = /true|false|null|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y

function skipValue(scan: Scan): void {
  skipSpace(scan)
  const { text, at } = scan
  const first = text[at]
  if (first === '"') return skipString(scan)
  if (first === '{') return skipMembers(scan, '}', true)
  if (first === '[') return skipMembers(scan, ']', false)
  SCALAR.lastIndex = at
  const found = SCALAR.exec(text)
  if (found === null) throw new StopHere(at, 'Expecting value')
  scan.at += found[0].length
}

function skipMembers(scan: Scan, close: string, hasNames: boolean): void {
  scan.at += 1
  skipSpace(scan)
  if (scan.text[scan.at] === close) {
    scan.at += 1
    return
  }
  for (;;) {
    skipSpace(scan)
    if (hasNames) skipName(scan)
    skipValue(scan)
    skipSpace(scan)
    const separator = scan.text[scan.at]
    if (separator !== ',' && separator !== close) {
      throw new StopHere(scan.at, "Expecting ',' delimiter")
    }
    scan.at += 1
    if (separator === close) return
  }
}

function skipName(scan: Scan): void {
  if (scan.text[scan.at] !== '"') {
    throw new StopHere(scan.at, 'Expecting property name enclosed in double quotes')
  }
  skipString(scan)
  skipSpace(scan)
  if (scan.text[scan.at] !== ':') throw new StopHere(scan.at, "Expecting ':' delimiter")
  scan.at += 1
}

const ESCAPED = '"\\/bfnrtu'

/** Stops on the escape's second character; the end of the text is the string's own fault. */
function skipEscape(scan: Scan): void {
  const { text, at } = scan
  const letter = text[at + 1]
  if (letter === undefined) return
  if (!ESCAPED.includes(letter)) throw new StopHere(at, 'Invalid \\escape')
  if (letter === 'u' && !/^[\da-fA-F]{4}/.test(text.slice(at + 2, at + 6))) {
    throw new StopHere(at + 1, 'Invalid \\uXXXX escape')
  }
  scan.at += 1
}

function skipString(scan: Scan): void {
  const start = scan.at
  for (scan.at += 1; scan.at < scan.text.length; scan.at += 1) {
    const character = scan.text[scan.at] ?? ''
    if (character === '"') {
      scan.at += 1
      return
    }
    if (character < ' ') throw new StopHere(scan.at, 'Invalid control character at')
    if (character === '\\') skipEscape(scan)
  }
  throw new StopHere(start, 'Unterminated string starting at')
}
