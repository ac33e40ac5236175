/** What `trace record` can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import {
  parseBytes,
  parseChoice,
  parseCount,
  parseDurationUs,
  parseLimitUs,
  parseHostPort,
  parseUrl,
  type HostPort,
} from '../base/parse.ts'
import type { RetentionLimits } from '../trace/retention.ts'
import { parseObserveOptions, type ObserveOptions } from './observe-options.ts'
import { MAX_THREADS } from './relay-messages.ts'
import type { RawRecordOptions } from './record-flags.ts'

export type RecordRoute = Readonly<{
  name: string
  listen: HostPort
  upstream: URL
  /** A socket that listens there already, by its number; null: the recorder opens one. */
  socket: number | null
}>

export type TlsOptions = Readonly<{
  certPath: string | null
  keyPath: string | null
  caPath: string | null
  clientCertPath: string | null
  clientKeyPath: string | null
  /** Asked for and verified in place of the upstream's host. */
  serverName: string | null
  isInsecure: boolean
}>

export type RecordOptions = Readonly<{
  directory: string
  routes: readonly RecordRoute[]
  drainUs: number
  /** The upstream is dialled for a client that says nothing for so long; 0: never. */
  dialSilentUs: number
  connectTimeoutUs: number
  /** 0 is no limit. */
  idleTimeoutUs: number
  totalTimeoutUs: number
  maxConnections: number
  /** Threads that relay. */
  workers: number
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
  queueRowBytes: number
  /** 0 is no limit. */
  rotateBytes: number
  rotateUs: number
  retention: RetentionLimits
  tls: TlsOptions
  /** Clients begin with a PROXY header. */
  isProxied: boolean
  /** Version of the PROXY header for the upstream; null: none. */
  proxyVersion: 1 | 2 | null
  /** Another recorder on the same port is about to end. */
  takesOver: boolean
  /** The opposite of failing open: what cannot be recorded is refused. */
  mustRecord: boolean
  /** Bytes of streams are changed so that the server tells their usage. */
  asksUsage: boolean
  /** Clients are copies that a mirror sends. */
  isMirror: boolean
  observe: ObserveOptions
}>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseRecordOptions(raw: RawRecordOptions): RecordOptions {
  const routes = routesOf(raw)
  return {
    directory: raw.out,
    routes,
    drainUs: parseDurationUs('--drain', raw.drain),
    dialSilentUs: parseDurationUs('--dial-silent', raw.dialSilent),
    connectTimeoutUs: parseLimitUs('--connect-timeout', raw.connectTimeout),
    idleTimeoutUs: parseDurationUs('--idle-timeout', raw.idleTimeout),
    totalTimeoutUs: parseDurationUs('--total-timeout', raw.totalTimeout),
    maxConnections: parseCount('--max-connections', raw.maxConnections, 1),
    workers: parseWorkers(raw.workers),
    maxBodyBytes: parseBytes('--max-body', raw.maxBody),
    maxStreamBytes: parseBytes('--max-stream', raw.maxStream),
    maxHeadBytes: parseBytes('--max-head', raw.maxHead),
    queueBytes: parseBytes('--queue-bytes', raw.queueBytes),
    queueRecords: parseCount('--queue-records', raw.queueRecords, 1),
    queueRows: parseCount('--queue-rows', raw.queueRows, 1),
    queueRowBytes: parseBytes('--queue-row-bytes', raw.queueRowBytes),
    rotateBytes: parseBytes('--rotate-size', raw.rotateSize),
    rotateUs: parseDurationUs('--rotate-age', raw.rotateAge),
    retention: {
      segments: parseCount('--keep-segments', raw.keepSegments),
      ageUs: parseDurationUs('--keep-age', raw.keepAge),
      bytes: parseBytes('--keep-bytes', raw.keepBytes),
    },
    tls: tlsOf(raw),
    isProxied: raw.proxyProtocol === true,
    proxyVersion: PROXY_VERSIONS[parseChoice('--send-proxy', raw.sendProxy, ['off', 'v1', 'v2'])],
    takesOver: raw.takeOver === true,
    mustRecord: raw.requireRecording === true,
    asksUsage: raw.askUsage === true,
    isMirror: raw.mirror === true,
    observe: parseObserveOptions(
      raw,
      raw.out,
      routes.map(({ upstream }) => upstream),
    ),
  }
}

function parseWorkers(text: string): number {
  const count = parseCount('--workers', text, 1)
  if (count <= MAX_THREADS) return count
  throw new TraceError('BAD_OPTION', `--workers wants ${MAX_THREADS} at most, got ${count}`)
}

function routesOf(raw: RawRecordOptions): RecordRoute[] {
  const first =
    raw.upstream === undefined
      ? []
      : [routeOf(parseHostPort('--listen', raw.listen), parseUpstream('--upstream', raw.upstream))]
  const routes = [...first, ...(raw.route ?? []).map(parseRoute)]
  if (routes.length === 0) {
    throw new TraceError('BAD_OPTION', '--upstream is missing', {
      hint: 'Name the server to stand in front of, such as --upstream http://127.0.0.1:8000.',
    })
  }
  return routes
}

const PROXY_VERSIONS = { off: null, v1: 1, v2: 2 } as const

function tlsOf(raw: RawRecordOptions): TlsOptions {
  const pairs = [
    ['--tls-cert', raw.tlsCert, '--tls-key', raw.tlsKey],
    ['--upstream-cert', raw.upstreamCert, '--upstream-key', raw.upstreamKey],
  ] as const
  for (const [certFlag, cert, keyFlag, key] of pairs) {
    if ((cert === undefined) !== (key === undefined)) {
      throw new TraceError('BAD_OPTION', `${certFlag} and ${keyFlag} go together`)
    }
  }
  return {
    certPath: raw.tlsCert ?? null,
    keyPath: raw.tlsKey ?? null,
    caPath: raw.upstreamCa ?? null,
    clientCertPath: raw.upstreamCert ?? null,
    clientKeyPath: raw.upstreamKey ?? null,
    serverName: raw.upstreamSni ?? null,
    isInsecure: raw.insecure === true,
  }
}

/** '9001=http://b:8000' or '0.0.0.0:9001=http://b:8000'. */
function parseRoute(text: string): RecordRoute {
  const [, listen, upstream] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (listen === undefined || upstream === undefined) {
    throw new TraceError('BAD_OPTION', `--route wants LISTEN=URL, got '${text}'`, {
      hint: 'For example --route 9001=http://127.0.0.1:8001.',
    })
  }
  return routeOf(parseHostPort('--route', listen), parseUpstream('--route', upstream))
}

function routeOf(listen: HostPort, upstream: URL): RecordRoute {
  return { name: String(listen.port), listen, upstream, socket: null }
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
