/** The head of one request: the same bytes for the same run and row. Pure. */
import { hash } from 'node:crypto'

export type HeadOptions = Readonly<{
  /** 'host' or 'host:port', as in the target's address. */
  host: string
  /** Path of the API, e.g. '/v1'; no slash at its end. */
  basePath: string
  runId: string
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

/** W3C trace context, version 00: 32 + 16 hex digits from the run and the row, not sampled. */
export function traceParent(id: string): string {
  const digest = hash('sha256', id, 'hex')
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-00`
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
      `POST ${options.basePath}${path} HTTP/1.1\r\n${fixed}\r\n` +
      `x-request-id: ${id}\r\ntraceparent: ${traceParent(id)}\r\n` +
      `content-length: ${bodyBytes}\r\n\r\n`
    )
  }
}
