/** The header as it stands in files: JSON with snake_case names, checked field by field. Pure. */
import { TraceError } from '../base/errors.ts'
import { canonicalJson } from './canonical.ts'
import { TABLES, fileName } from './columns.ts'
import { FORMAT_VERSION, newHeader, type TraceHeader } from './header.ts'
import { isDeep } from './json-column.ts'

/** Longest header that is read, bytes of JSON. */
export const MAX_HEADER_BYTES = 4_194_304

/** Reads one value or throws a short reason; `at` is the field's place, e.g. 'clock.quantum_us'. */
type Check = (value: unknown, at: string) => unknown

const checked =
  (wanted: string, isRight: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (isRight(value)) return value
    throw new TraceError('TRACE_UNREADABLE', `the header's ${at} is not ${wanted}`)
  }

const text = checked('a text', (value) => typeof value === 'string')
const whole = checked('a whole number', Number.isSafeInteger)
const share = checked('a number', Number.isFinite)
const flag = checked('true or false', (value) => typeof value === 'boolean')
const anything: Check = (value) => value
const kind = checked('a known kind', (value) =>
  ['recorded', 'imported', 'synthetic', 'replayed'].includes(value as string),
)

const orNull =
  (check: Check): Check =>
  (value, at) =>
    value === null || value === undefined ? null : check(value, at)

const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value))
      throw new TraceError('TRACE_UNREADABLE', `the header's ${at} is no list`)
    return value.map((member, index) => check(member, `${at}[${index}]`))
  }

/** Free names as keys, e.g. labels. */
const mapOf =
  (check: Check): Check =>
  (value, at) =>
    Object.fromEntries(
      Object.entries(recordAt(value, at)).map(([key, member]) => [key, check(member, at)]),
    )

type Fields = Readonly<Record<string, Check>>

/** Known fields get their program names; unknown ones stay as they are. */
const objectOf =
  (fields: Fields): Check =>
  (value, at) => {
    const from = recordAt(value, at)
    const prefix = at === '' ? '' : `${at}.`
    const known = Object.entries(fields).map(([key, check]) => {
      const name = fileName(key)
      return [key, check(from[name], prefix + name)] as const
    })
    const names = new Set(Object.keys(fields).map(fileName))
    const unknown = Object.entries(from).filter(([name]) => !names.has(name))
    return Object.fromEntries([...unknown, ...known])
  }

function recordAt(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new TraceError('TRACE_UNREADABLE', `the header's ${at === '' ? 'JSON' : at} is no object`)
}

const CLOCK: Fields = {
  quantumUs: orNull(whole),
  anchors: listOf(objectOf({ atUs: whole, wallUs: whole })),
}
const CAPTURE: Fields = {
  policy: text,
  samplingShare: share,
  sampledBy: orNull(text),
  notes: listOf(text),
}
const HASHING: Fields = {
  scheme: orNull(text),
  blockBytes: orNull(whole),
  blockTokens: orNull(whole),
  keyId: orNull(text),
}
const SERVER: Fields = {
  software: orNull(text),
  version: orNull(text),
  models: listOf(text),
  maxModelTokens: orNull(whole),
  blockTokens: orNull(whole),
  fingerprint: orNull(text),
  addressHash: orNull(text),
  addressSalt: orNull(text),
}
const COUNTS: Fields = Object.fromEntries(Object.keys(TABLES).map((table) => [table, whole]))

const HEADER: Fields = {
  formatVersion: whole,
  oldestReader: whole,
  kind,
  producer: text,
  producerVersion: text,
  originWallUs: orNull(whole),
  clock: objectOf(CLOCK),
  capture: objectOf(CAPTURE),
  hashing: objectOf(HASHING),
  tokenizer: orNull(text),
  server: objectOf(SERVER),
  seed: orNull(text),
  planSha256: orNull(text),
  shard: orNull(objectOf({ index: whole, count: whole })),
  transforms: listOf(objectOf({ name: text, arguments: mapOf(anything) })),
  counts: orNull(objectOf(COUNTS)),
  rowDigest: orNull(text),
  licence: orNull(text),
  labels: mapOf(text),
  signatures: listOf(objectOf({ keyId: text, publicKey: text, signature: text })),
  interrupted: flag,
}

/** Names of every field, nested ones included, except where keys are free. */
const NAMES: ReadonlyMap<string, string> = new Map(
  [HEADER, CLOCK, CAPTURE, HASHING, SERVER, COUNTS, { atUs: whole, publicKey: text, wallUs: whole }]
    .flatMap((fields) => Object.keys(fields))
    .map((key) => [key, fileName(key)]),
)

/**
 * @throws TraceError TRACE_NEWER if this program is too old for it, TRACE_UNREADABLE if it is no
 * header. A field that this version does not know is kept as it is.
 */
export function parseHeader(json: string): TraceHeader {
  if (json.length > MAX_HEADER_BYTES) {
    throw new TraceError('TRACE_UNREADABLE', 'the header is longer than MAX_HEADER_BYTES')
  }
  if (isDeep(json)) throw new TraceError('TRACE_UNREADABLE', 'the header is nested too deeply')
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new TraceError('TRACE_UNREADABLE', 'the header is not JSON')
  }
  const oldestReader = recordAt(value, '')['oldest_reader']
  if (typeof oldestReader === 'number') refuseNewer(oldestReader)
  const defaults = withFileNames(newHeader('recorded')) as Record<string, unknown>
  for (const required of ['format_version', 'oldest_reader', 'kind']) delete defaults[required]
  return objectOf(HEADER)({ ...defaults, ...recordAt(value, '') }, '') as TraceHeader
}

/** @throws TraceError TRACE_NEWER if a file of this version needs a newer program */
export function refuseNewer(oldestReader: number): void {
  if (oldestReader <= FORMAT_VERSION) return
  throw new TraceError(
    'TRACE_NEWER',
    `the trace has format version ${oldestReader}; this program reads up to ${FORMAT_VERSION}`,
  )
}

/** Canonical JSON: the same header gives the same bytes, so that it can be signed. */
export function formatHeader(header: TraceHeader): string {
  return canonicalJson(withFileNames(header))
}

function withFileNames(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((member) => withFileNames(member))
  if (typeof value !== 'object' || value === null) return value
  if (key === 'labels' || key === 'arguments') return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      NAMES.get(name) ?? name,
      withFileNames(member, name),
    ]),
  )
}
