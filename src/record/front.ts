/** What stands before the HTTP of an accepted connection: a PROXY header, then TLS. Effects: sockets. */
import { acceptTls, type SecureContext, type Socket } from '../base/socket.ts'
import { formatProxyHeader, parseProxyHeader, type Endpoints } from './proxy-protocol.ts'

export type FrontOptions = Readonly<{
  /** Clients must begin with a PROXY header. */
  isProxied: boolean
  /** Version to begin upstream connections with; null: none. */
  proxyVersion: 1 | 2 | null
  /** Asked at each connection. */
  tls: () => SecureContext | null
}>

/** Calls back with a socket that carries HTTP, and with what must go to the upstream before it. */
export type Front = (raw: Socket, ready: (client: Socket, preamble: Buffer | null) => void) => void

export function createFront(options: FrontOptions): Front {
  const finish = (
    raw: Socket,
    endpoints: Endpoints | null,
    ready: (client: Socket, preamble: Buffer | null) => void,
  ): void => {
    const { proxyVersion } = options
    const preamble =
      proxyVersion === null ? null : formatProxyHeader(proxyVersion, endpoints ?? ownEndpoints(raw))
    const context = options.tls()
    ready(context === null ? raw : acceptTls(raw, context), preamble)
  }
  return (raw, ready) => {
    if (!options.isProxied) return finish(raw, null, ready)
    readProxyHeader(raw, (endpoints) => finish(raw, endpoints, ready))
  }
}

function readProxyHeader(raw: Socket, found: (endpoints: Endpoints | null) => void): void {
  let kept = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    kept = Buffer.concat([kept, bytes])
    const header = parseProxyHeader(kept)
    if (header === 'more') return
    raw.off('data', onData)
    if (header === 'bad') return void raw.destroy()
    raw.pause()
    if (kept.length > header.sizeBytes) raw.unshift(kept.subarray(header.sizeBytes))
    found(header.endpoints)
    raw.resume()
  }
  raw.on('data', onData)
}

function ownEndpoints(raw: Socket): Endpoints {
  return {
    source: plain(raw.remoteAddress),
    sourcePort: raw.remotePort ?? 0,
    destination: plain(raw.localAddress),
    destinationPort: raw.localPort ?? 0,
  }
}

/** IPv4 inside an IPv6 listener is told as IPv4. */
function plain(address: string | undefined): string {
  return (address ?? '0.0.0.0').replace(/^::ffff:(?=\d+\.)/, '')
}
