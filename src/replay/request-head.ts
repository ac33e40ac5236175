/** The head of one request: the same bytes for the same run and row. Pure. */
import { hash } from 'node:crypto'

export type HeadOptions = Readonly<{
  /** 'host' or 'host:port', as in the target's address. */
  host: string
  /** Path of the API, e.g. '/v1'; no slash at its end. */
  basePath: string
  runId: string
  /** Servers that export spans shall. */
  isTraced: boolean
  /** The server is asked to close after its answer. */
  isLastOnConnection: boolean
  /** Of the user's, e.g. a key; names and values are as given. */
  extra: readonly (readonly [string, string])[]
}>

export type RowName = Readonly<{ seq: number; copy: number; attempt: number }>

/** @returns what joins this request with the server's logs and spans */
export function requestId(runId: string, { seq, copy, attempt }: RowName): string {
  return `${runId}-${seq}${copy === 0 ? '' : `-c${copy}`}${attempt === 0 ? '' : `-r${attempt}`}`
}

/** W3C trace context, version 00: 32 + 16 hex digits from the run and the row. @param isTraced asks the server for its span */
export function traceParent(id: string, isTraced = false): string {
  const digest = hash('sha256', id, 'hex')
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-${isTraced ? '01' : '00'}`
}

/** Makes heads of one target; only the row and the body's length differ between them. */
export function headMaker(options: HeadOptions) {
  const fixed = [
    `host: ${options.host}`,
    'content-type: application/json',
    'accept: */*',
    'user-agent: vllm-trace',
    `connection: ${options.isLastOnConnection ? 'close' : 'keep-alive'}`,
    `x-trace-replay: ${options.runId}`,
    ...options.extra.map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n')
  return (path: string, row: RowName, bodyBytes: number): string => {
    const id = requestId(options.runId, row)
    return (
      `POST ${options.basePath}${path} HTTP/1.1\r\n${fixed}` +
      `${namingLines(id, options.isTraced)}\r\ncontent-length: ${bodyBytes}\r\n\r\n`
    )
  }
}

/**
 * A failed request once more, under a name of its own: the server's log and spans tell the tries apart.
 *
 * @param bytes head and body as `headMaker` began them; other bytes are given back as they are
 * @param attempt 1 for the first repetition
 */
export function asAttempt(bytes: Uint8Array, attempt: number): Uint8Array {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = whole.indexOf('\r\n\r\n')
  if (end < 0) return bytes
  const head = whole.toString('latin1', 0, end)
  // A header of the user's may have the same name: ours stands after it.
  const from = head.lastIndexOf(ID_LINE)
  const id = /^[\w-]+/.exec(head.slice(from + ID_LINE.length))?.[0].replace(/-r\d+$/, '') ?? ''
  if (from < 0 || id === '') return bytes
  const isTraced = /\r\ntraceparent: 00-\w+-\w+-01\b/.test(head.slice(from))
  const lines = namingLines(`${id}-r${attempt}`, isTraced)
  const rest = head.slice(head.indexOf('\r\ncontent-length: ', from))
  return Buffer.concat([
    Buffer.from(head.slice(0, from) + lines + rest, 'latin1'),
    whole.subarray(end),
  ])
}

const ID_LINE = '\r\nx-request-id: '

function namingLines(id: string, isTraced: boolean): string {
  return `${ID_LINE}${id}\r\ntraceparent: ${traceParent(id, isTraced)}`
}
