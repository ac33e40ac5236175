/** What `trace record` can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import {
  parseBytes,
  parseCount,
  parseDurationUs,
  parseHostPort,
  parseUrl,
  type HostPort,
} from '../base/parse.ts'

export type RecordRoute = Readonly<{ name: string; listen: HostPort; upstream: URL }>

export type RecordOptions = Readonly<{
  directory: string
  routes: readonly RecordRoute[]
  drainUs: number
  connectTimeoutUs: number
  /** 0 is no limit. */
  idleTimeoutUs: number
  totalTimeoutUs: number
  maxConnections: number
  /** Of a request or an answer that is no stream, this much is looked at. */
  maxBodyBytes: number
  /** Of a streamed answer, this much is looked at. */
  maxStreamBytes: number
  maxHeadBytes: number
  /** Waiting for the observer. */
  queueBytes: number
  queueRecords: number
  /** Waiting for the disk. */
  queueRows: number
}>

/** The only place defaults live; the help text shows these same strings. */
export const RECORD_DEFAULTS = {
  listen: '127.0.0.1:9000',
  out: 'recording',
  drain: '30s',
  connectTimeout: '10s',
  idleTimeout: '0',
  totalTimeout: '0',
  maxConnections: '20000',
  maxBody: '16MB',
  maxStream: '16MB',
  maxHead: '64KB',
  queueBytes: '64MB',
  queueRecords: '1000000',
  queueRows: '100000',
} as const

export type RawRecordOptions = Readonly<
  { upstream?: string } & Record<keyof typeof RECORD_DEFAULTS, string>
>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseRecordOptions(raw: RawRecordOptions): RecordOptions {
  return {
    directory: raw.out,
    routes: routesOf(raw),
    drainUs: parseDurationUs('--drain', raw.drain),
    connectTimeoutUs: parseDurationUs('--connect-timeout', raw.connectTimeout),
    idleTimeoutUs: parseDurationUs('--idle-timeout', raw.idleTimeout),
    totalTimeoutUs: parseDurationUs('--total-timeout', raw.totalTimeout),
    maxConnections: parseCount('--max-connections', raw.maxConnections, 1),
    maxBodyBytes: parseBytes('--max-body', raw.maxBody),
    maxStreamBytes: parseBytes('--max-stream', raw.maxStream),
    maxHeadBytes: parseBytes('--max-head', raw.maxHead),
    queueBytes: parseBytes('--queue-bytes', raw.queueBytes),
    queueRecords: parseCount('--queue-records', raw.queueRecords, 1),
    queueRows: parseCount('--queue-rows', raw.queueRows, 1),
  }
}

function routesOf(raw: RawRecordOptions): RecordRoute[] {
  if (raw.upstream === undefined) {
    throw new TraceError('BAD_OPTION', '--upstream is missing', {
      hint: 'Name the server to stand in front of, such as --upstream http://127.0.0.1:8000.',
    })
  }
  const listen = parseHostPort('--listen', raw.listen)
  return [
    { name: String(listen.port), listen, upstream: parseUpstream('--upstream', raw.upstream) },
  ]
}

/** @throws TraceError BAD_OPTION for an address with more than scheme, host and port */
export function parseUpstream(flag: string, text: string): URL {
  const url = parseUrl(flag, text)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new TraceError(
      'BAD_OPTION',
      `${flag} wants no path, got '${url.pathname}${url.search}'`,
      {
        hint: 'Paths pass through unchanged: clients keep asking for /v1/… themselves.',
      },
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new TraceError('BAD_OPTION', `${flag} wants no user or password`, {
      hint: "Clients' own credentials pass through unchanged.",
    })
  }
  return url
}
