/**
 * The one door to sockets: dialling, accepting, TLS, resets and names.
 * Effects: opens, accepts and resets TCP connections, asks the resolver.
 */
import { lookup } from 'node:dns/promises'
import {
  type AddressInfo,
  connect,
  createServer,
  isIP,
  isIPv6,
  type Server,
  Socket,
} from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { HostPort } from './parse.ts'
import { reasonOf } from './reason.ts'
import { TraceError } from './errors.ts'

export { isIPv6, Socket }
export type { SecureContext, Server }

/** Only what a byte relay of HTTP/1.1 can speak. */
const ALPN_PROTOCOLS = ['http/1.1']

const BACKLOG_CONNECTIONS = 4_096

/** Returns false to stop reading until `resume`. `buffer` is reused: copy or send what stays. */
export type OnBytes = (buffer: Buffer, sizeBytes: number) => boolean

export type DialTls = Readonly<{
  context: SecureContext
  serverName: string
  /** Only by name, never by default. */
  isInsecure: boolean
}>

export type DialOptions = Readonly<{
  tls?: DialTls | null
  /** Where reads land. One buffer may serve many sockets if `onBytes` keeps nothing of it. */
  buffer: Buffer
  onBytes: OnBytes
  /** True to keep writing after the other side ended. */
  allowHalfOpen?: boolean
  /** Which of this machine's addresses to come from. */
  localAddress?: string
}>

/** The TCP socket under a TLS one: only that can be reset. */
const rawSockets = new WeakMap<Socket, Socket>()

/** A URL's host as sockets take it: an IPv6 address without its brackets. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/**
 * Opens one connection; `address.host` should be an address, not a name. Plain sockets read straight
 * into `buffer`. With TLS, 'secureConnect' and not 'connect' says that it can be used.
 */
export function dial(address: HostPort, options: DialOptions): Socket {
  const { host, port } = address
  const { tls, buffer, onBytes, allowHalfOpen = false, localAddress } = options
  const to = {
    host,
    port,
    allowHalfOpen,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  }
  if (tls === undefined || tls === null) {
    const onread = {
      buffer,
      callback: (sizeBytes: number, into: Uint8Array) => onBytes(into as Buffer, sizeBytes),
    }
    return connect({ ...to, onread })
  }
  const raw = connect(to)
  const name = bareHost(tls.serverName)
  const secure = connectTls({
    socket: raw,
    secureContext: tls.context,
    rejectUnauthorized: !tls.isInsecure,
    ALPNProtocols: ALPN_PROTOCOLS,
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
  })
  return joinTls(secure, raw, onBytes)
}

/** Puts TLS in front of an accepted socket, with whatever certificate is current at that moment. */
export function acceptTls(raw: Socket, context: SecureContext): Socket {
  const secure = new TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ALPN_PROTOCOLS,
  })
  return joinTls(secure, raw, null)
}

function joinTls(secure: TLSSocket, raw: Socket, onBytes: OnBytes | null): Socket {
  rawSockets.set(secure, raw)
  secure.allowHalfOpen = raw.allowHalfOpen
  // A TLS socket over a reset connection reports nothing by itself.
  raw.on('error', (error) => secure.destroy(error))
  raw.on('close', () => secure.destroy())
  if (onBytes !== null) {
    secure.on('data', (bytes: Buffer) => {
      if (!onBytes(bytes, bytes.length)) secure.pause()
    })
  }
  return secure
}

/** Ends a connection with RST, as a crashed peer would, under TLS too. */
export function resetSocket(socket: Socket): void {
  const raw = rawSockets.get(socket) ?? socket
  if (!raw.destroyed) raw.resetAndDestroy()
  socket.destroy()
}

export type TlsMaterial = Readonly<{ ca?: string; cert?: string; key?: string }>

/** @throws TraceError BAD_OPTION naming the flags, if certificate and key do not fit together */
export function tlsContext(flags: string, material: TlsMaterial): SecureContext {
  try {
    return createSecureContext({ ...material, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw new TraceError('BAD_OPTION', `${flags}: not a certificate and key that fit`, {
      hint: 'Both are PEM files; the key belongs to the first certificate of the chain.',
      cause: error,
    })
  }
}

export type ListenOptions = Readonly<{
  /** Several processes or threads may listen on the port together. */
  isShared: boolean
  /** One that listens at the address already, by its number in this process; else one is opened. */
  socket?: number | null
  onConnection: (socket: Socket) => void
}>

/** @throws TraceError PORT_IN_USE, or BAD_OPTION where the address is not this machine's, or the socket is none */
export async function listen(address: HostPort, options: ListenOptions): Promise<Server> {
  const { isShared, socket = null, onConnection } = options
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  const place = socket === null ? { ...address, reusePort: isShared } : { fd: socket }
  server.listen({ ...place, backlog: BACKLOG_CONNECTIONS }, () => resolve())
  try {
    await promise
  } catch (error) {
    throw listenFailure(`${address.host}:${address.port}`, error)
  }
  server.off('error', reject)
  if (socket === null) return server
  const { port } = server.address() as AddressInfo
  if (port === address.port) return server
  server.close()
  throw new TraceError('BAD_OPTION', `a socket for port ${port} was passed on for ${address.port}`)
}

/** @param place the address as the user knows it, with its flag where several could be meant */
export function listenFailure(place: string, error: unknown): TraceError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') {
    return new TraceError('PORT_IN_USE', `${place} is in use`, { cause: error })
  }
  const reason = code === 'EACCES' ? 'needs more rights' : 'cannot be listened on'
  return new TraceError('BAD_OPTION', `${place} ${reason}`, { cause: error })
}

/** @throws TraceError TARGET_DOWN if the name has no address */
export async function resolveHost(host: string): Promise<string> {
  const name = new ResolvedName(host)
  await name.refresh()
  if (name.address === null) {
    throw new TraceError('TARGET_DOWN', `cannot reach ${host}: ${name.failure ?? 'no such host'}`)
  }
  return name.address
}

/** @returns every address of a host name. @throws what the resolver says */
export type AskAddresses = (host: string) => Promise<readonly string[]>

const askSystem: AskAddresses = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address)

/** A host name's addresses, asked for ahead of need: connecting never waits for a resolver. */
export class ResolvedName {
  readonly host: string
  readonly #ask: AskAddresses
  #addresses: readonly string[]
  #nextIndex = 0
  /** Why the last question failed; null after an answer. */
  failure: string | null = null

  /** @param ask the system's resolver, or another one in tests */
  constructor(host: string, ask: AskAddresses = askSystem) {
    this.#ask = ask
    this.host = bareHost(host)
    this.#addresses = isIP(this.host) === 0 ? [] : [this.host]
  }

  /** The address to dial now; null before the first answer. */
  get address(): string | null {
    return this.#addresses[this.#nextIndex % this.#addresses.length] ?? null
  }

  /** Dials go to the name's next address from here on. */
  skip(): void {
    this.#nextIndex += 1
  }

  /** Asks again; keeps the last good answer where that fails. */
  async refresh(): Promise<void> {
    if (isIP(this.host) !== 0) return
    try {
      const found = await this.#ask(this.host)
      if (found.length > 0) this.#addresses = found
      this.failure = found.length > 0 ? null : 'no address'
    } catch (error) {
      this.failure = reasonOf(error)
    }
  }
}
