/** Reads one HTTP/1.1 head out of bytes: strict where two readers could disagree. Pure. */

export type MessageKind = 'request' | 'answer'

/** Why a direction of a connection is no longer followed. Codes of our own, never traffic. */
export type LossReason =
  | 'bad_start_line'
  | 'bad_header'
  | 'folded_header'
  | 'long_head'
  | 'lone_line_feed'
  | 'bad_length'
  | 'two_lengths'
  | 'bad_coding'
  | 'bad_chunk'
  | 'long_chunk_line'
  | 'unasked_answer'

/** What a head says about its message; header values only for names that were asked for. */
export type MessageHead = {
  /** '' for an answer. */
  readonly method: string
  /** Path and query as sent; '' for an answer. */
  readonly target: string
  /** 0 for a request. */
  readonly status: number
  /** Lower-case names; a repeated header is joined by ', '. */
  readonly headers: ReadonlyMap<string, string>
  /** null where there is no Content-Length. */
  readonly contentLength: number | null
  readonly isChunked: boolean
  /** The sender allows another message on this connection. */
  readonly isKeepAlive: boolean
  readonly isUpgrade: boolean
  /** When the head's first and last bytes arrived. */
  startedAtUs: number
  endedAtUs: number
}

/** Headers that the reader needs for itself. */
const FRAMING = ['content-length', 'transfer-encoding', 'connection', 'upgrade'] as const

/** Names to keep, by length, so that an unknown header costs a few comparisons and no string. */
export type HeaderTable = ReadonlyMap<number, readonly Readonly<{ name: string; code: Buffer }>[]>

/** @param wanted lower-case names */
export function headerTable(wanted: readonly string[]): HeaderTable {
  const table = new Map<number, { name: string; code: Buffer }[]>()
  for (const name of new Set([...FRAMING, ...wanted])) {
    const row = { name, code: Buffer.from(name, 'latin1') }
    table.set(name.length, [...(table.get(name.length) ?? []), row])
  }
  return table
}

const CR = 13
const LF = 10
const COLON = 58
const SPACE = 32
const TAB = 9

/** RFC 9110 token characters. */
const TOKEN = new Uint8Array(256)
for (const letter of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  TOKEN[letter.charCodeAt(0)] = 1
  TOKEN[letter.toUpperCase().charCodeAt(0)] = 1
}

/** Characters of a header's value: no controls but the tab. */
const VALUE = new Uint8Array(256).fill(1, SPACE)
VALUE[TAB] = 1
VALUE[127] = 0

/**
 * @param bytes a head from its first byte to the blank line that ends it, at [from, to)
 * @returns the head, or why it cannot be trusted
 */
export function parseHead(
  kind: MessageKind,
  table: HeaderTable,
  bytes: Buffer,
  from: number,
  to: number,
): MessageHead | LossReason {
  const lineEnd = endOfLine(bytes, from, to)
  if (lineEnd < 0) return 'bad_start_line'
  const start = bytes.toString('latin1', from, lineEnd)
  const line = kind === 'request' ? readRequestLine(start) : readStatusLine(start)
  if (line === null) return 'bad_start_line'
  const headers = new Map<string, string>()
  const loss = readHeaders(table, bytes, lineEnd + 2, to - 2, headers)
  if (loss !== null) return loss
  return withFraming(kind, line, headers)
}

type StartLine = Readonly<{ method: string; target: string; status: number; minor: number }>

function readRequestLine(line: string): StartLine | null {
  const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/.exec(line)
  if (found === null) return null
  return { method: found[1] ?? '', target: found[2] ?? '', status: 0, minor: Number(found[3]) }
}

function readStatusLine(line: string): StartLine | null {
  const found = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t -~\x80-\xff]*)?$/.exec(line)
  if (found === null) return null
  return { method: '', target: '', status: Number(found[2]), minor: Number(found[1]) }
}

/** Index of the CR of the next CRLF, or -1 where a lone CR, a lone LF or the end comes first. */
function endOfLine(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]
    if (byte === LF) return -1
    if (byte === CR) return bytes[at + 1] === LF && at + 1 < to ? at : -1
  }
  return -1
}

function readHeaders(
  table: HeaderTable,
  bytes: Buffer,
  from: number,
  to: number,
  headers: Map<string, string>,
): LossReason | null {
  let at = from
  while (at < to) {
    const first = bytes[at] ?? 0
    if (first === SPACE || first === TAB) return 'folded_header'
    const colon = runEnd(TOKEN, bytes, at, to)
    if (colon === at || bytes[colon] !== COLON) return 'bad_header'
    const end = runEnd(VALUE, bytes, colon + 1, to)
    if (end + 2 > to || bytes[end] !== CR || bytes[end + 1] !== LF) return 'bad_header'
    const name = wantedName(table, bytes, at, colon)
    if (name !== null) addHeader(headers, name, bytes.toString('latin1', colon + 1, end).trim())
    at = end + 2
  }
  return null
}

function addHeader(headers: Map<string, string>, name: string, value: string): void {
  const before = headers.get(name)
  headers.set(name, before === undefined ? value : `${before}, ${value}`)
}

/** Where the run of bytes of one class that begins at `from` ends. */
function runEnd(kind: Uint8Array, bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && kind[bytes[at] ?? 0] === 1) at += 1
  return at
}

function wantedName(table: HeaderTable, bytes: Buffer, from: number, to: number): string | null {
  for (const { name, code } of table.get(to - from) ?? []) {
    let index = 0
    while (index < code.length && lower(bytes[from + index] ?? 0) === code[index]) index += 1
    if (index === code.length) return name
  }
  return null
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte
}

function withFraming(
  kind: MessageKind,
  line: StartLine,
  headers: Map<string, string>,
): MessageHead | LossReason {
  const length = headers.get('content-length')
  const coding = headers.get('transfer-encoding')
  if (length !== undefined && coding !== undefined) return 'two_lengths'
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'bad_length'
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'bad_coding'
  if (coding !== undefined && line.minor === 0) return 'bad_coding'
  const options = (headers.get('connection') ?? '').toLowerCase().split(/[\s,]+/)
  const isKeepAlive = line.minor === 1 ? !options.includes('close') : options.includes('keep-alive')
  return {
    method: line.method,
    target: line.target,
    status: line.status,
    headers,
    contentLength: length === undefined ? null : Number(length),
    isChunked: coding !== undefined,
    isKeepAlive,
    isUpgrade: kind === 'request' && options.includes('upgrade') && headers.has('upgrade'),
    startedAtUs: 0,
    endedAtUs: 0,
  }
}
