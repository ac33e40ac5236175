/** Where a trace is pushed to or pulled from: the address and its placeholders. Pure. */
import { basename } from 'node:path'
import { TraceError } from '../base/errors.ts'

export type Place =
  | Readonly<{ kind: 'folder'; path: string }>
  | Readonly<{ kind: 'http'; url: string }>
  | Readonly<{ kind: 's3'; bucket: string; key: string }>
  | Readonly<{ kind: 'oci'; origin: string; repository: string; reference: string }>

const OCI =
  /^oci:\/\/([^/]+)\/([a-z0-9][a-z0-9._/-]*?)(?:@(sha256:[0-9a-f]{64})|:([\w][\w.-]{0,127}))?$/
const S3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/

/** Registries on this machine speak plain HTTP, as other OCI tools take it too. */
const LOCAL = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/

/** @throws TraceError BAD_OPTION for an address of no known kind */
export function parsePlace(text: string): Place {
  const oci = OCI.exec(text)
  if (oci !== null) {
    const [, host = '', repository = '', digest, tag] = oci
    const scheme = LOCAL.test(host) ? 'http' : 'https'
    return {
      kind: 'oci',
      origin: `${scheme}://${host}`,
      repository,
      reference: digest ?? tag ?? 'latest',
    }
  }
  const s3 = S3.exec(text)
  if (s3 !== null) return { kind: 's3', bucket: s3[1] ?? '', key: s3[2] ?? '' }
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return { kind: 'http', url: text }
  if (/^[a-z0-9+]+:\/\//i.test(text) && !text.startsWith('file://')) {
    throw new TraceError('BAD_OPTION', `${text}: no place that is known here`, {
      hint: 'A folder, http(s)://…, s3://BUCKET/KEY or oci://HOST/NAME:TAG.',
    })
  }
  return { kind: 'folder', path: text.startsWith('file://') ? new URL(text).pathname : text }
}

export type PlaceFacts = Readonly<{
  /** µs since 1970. */
  wallUs: number
  sha256: string
  /** The local file's name. */
  fileName: string
}>

/** Fills {digest}, {timestamp} and {date}, and adds the file's name to an address that ends in a slash. */
export function fillPlace(text: string, { wallUs, sha256, fileName }: PlaceFacts): string {
  const iso = new Date(Math.floor(wallUs / 1_000)).toISOString()
  const full = text.endsWith('/') ? `${text}${basename(fileName)}` : text
  const filled = full
    .replaceAll('{digest}', sha256)
    .replaceAll('{timestamp}', iso.slice(0, 19).replaceAll(/[-:]/g, '') + 'Z')
    .replaceAll('{date}', iso.slice(0, 10))
  const rest = /\{[^}]*\}/.exec(filled)
  if (rest === null) return filled
  throw new TraceError('BAD_OPTION', `${rest[0]} is no placeholder`, {
    hint: 'There are {digest}, {timestamp} and {date}.',
  })
}

/** The digest that an address itself promises: 64 hex digits in its last part. */
export function promisedSha256(text: string): string | null {
  const last = text.split(/[/#?]/).at(-1) ?? ''
  return /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/.exec(last)?.[0] ?? null
}
