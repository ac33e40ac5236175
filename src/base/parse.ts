/** Turns one command-line string into one checked value, or throws BAD_OPTION naming the flag. Pure. */
import { TraceError } from './errors.ts'

const US_PER_UNIT: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  B: 1,
}

function bad(flag: string, wanted: string, text: string): TraceError {
  return new TraceError('BAD_OPTION', `${flag} wants ${wanted}, got '${text}'`)
}

/** '250ms' → 250000; '1h30m' → 5400000000. Units us, ms, s, m, h, d; no sign, no bare number but 0. */
export function parseDurationUs(flag: string, text: string): number {
  if (text === '0') return 0
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/.test(text)) {
    throw bad(flag, 'a duration such as 250ms, 30s or 10m', text)
  }
  let totalUs = 0
  for (const [, digits, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)) {
    totalUs += Number(digits) * (US_PER_UNIT[unit] ?? 0)
  }
  return Math.round(totalUs)
}

/** As above, for limits that nothing could keep if they were 0. */
export function parseLimitUs(flag: string, text: string): number {
  const us = parseDurationUs(flag, text)
  if (us > 0) return us
  throw bad(flag, 'a duration above 0 such as 30s', text)
}

/** '2x' → 2. The x is required: other tools disagree on what a bare 2 means. */
export function parseFactor(flag: string, text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)x$/.exec(text)?.[1])
  if (value > 0 && Number.isFinite(value)) return value
  throw bad(flag, 'a factor above 0 with an x, such as 2x', text)
}

/** '12' → 12; whole numbers from `min` on. */
export function parseCount(flag: string, text: string, min = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && Number.isSafeInteger(value)) return value
  throw bad(flag, `a whole number from ${min} on`, text)
}

/** '10%' → 0.1; '0.1' → 0.1. Between 0 and 1. */
export function parseShare(flag: string, text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const value = Number(digits) / (percent === '%' ? 100 : 1)
  if (value >= 0 && value <= 1) return value
  throw bad(flag, 'a share such as 10% or 0.1', text)
}

/** '64MB' → 64000000. */
export function parseBytes(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(B|[kK]B|MB|GB)$/.exec(text) ?? []
  const bytesPerUnit = BYTES_PER_UNIT[unit]
  if (bytesPerUnit === undefined) throw bad(flag, 'a size such as 64MB', text)
  return Math.round(Number(digits) * bytesPerUnit)
}

/** An http or https address. A path is kept; the caller says whether it may have one. */
export function parseUrl(flag: string, text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw bad(flag, 'an address such as http://127.0.0.1:8000', text)
}

export type HostPort = Readonly<{ host: string; port: number }>

/** '127.0.0.1:9000', '[::1]:9000', ':9000' or '9000' (all interfaces need an explicit 0.0.0.0). */
export function parseHostPort(flag: string, text: string): HostPort {
  const [, host = '', digits] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (!(port <= 65_535)) throw bad(flag, 'host:port such as 127.0.0.1:9000', text)
  return { host: host === '' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'), port }
}

/** As it stands in an address: '127.0.0.1:9000', '[::1]:9000'. */
export function hostPortText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** One of a fixed set of words. */
export function parseChoice<const T extends string>(
  flag: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw bad(flag, `one of ${choices.join(', ')}`, text)
  return found
}
