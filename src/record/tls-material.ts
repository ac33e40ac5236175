/** Certificates and keys of both sides, read again on demand. Effects: reads files. */
import { readText } from '../base/files.ts'
import { HttpClient, type HttpOptions } from '../base/http.ts'
import { type DialTls, type SecureContext, tlsContext } from '../base/socket.ts'
import type { TlsOptions } from './options.ts'
import { PATIENCE_US } from './server-facts.ts'

export class TlsMaterial {
  readonly #options: TlsOptions
  #server: SecureContext | null = null
  #client: SecureContext | null = null

  constructor(options: TlsOptions) {
    this.#options = options
  }

  /** For listeners; null without a certificate. */
  get server(): SecureContext | null {
    return this.#server
  }

  /** For an upstream of that host; null where it speaks plain HTTP. */
  dialTls(upstream: URL): DialTls | null {
    if (upstream.protocol !== 'https:' || this.#client === null) return null
    const { serverName, isInsecure } = this.#options
    return { context: this.#client, serverName: serverName ?? upstream.hostname, isInsecure }
  }

  /**
   * Reads every file; connections that are open keep what they began with.
   *
   * @throws TraceError BAD_OPTION naming the flag; then what was read before stays in use
   */
  async load(): Promise<void> {
    const { certPath, keyPath } = this.#options
    const server =
      certPath === null || keyPath === null
        ? null
        : tlsContext('--tls-cert and --tls-key', {
            cert: await readText('--tls-cert', certPath),
            key: await readText('--tls-key', keyPath),
          })
    const flags = '--upstream-ca, --upstream-cert and --upstream-key'
    this.#client = tlsContext(flags, await readUpstreamTls(this.#options))
    this.#server = server
  }
}

/** What the relay shows to the upstream, and whom it trusts. @throws TraceError BAD_OPTION */
async function readUpstreamTls({ caPath, clientCertPath, clientKeyPath }: TlsOptions) {
  const ca = caPath === null ? {} : { ca: await readText('--upstream-ca', caPath) }
  if (clientCertPath === null || clientKeyPath === null) return ca
  return {
    ...ca,
    cert: await readText('--upstream-cert', clientCertPath),
    key: await readText('--upstream-key', clientKeyPath),
  }
}

/** The same for the recorder's own questions. Files that cannot be read now leave traffic as it is. */
export async function questionTls(options: TlsOptions): Promise<NonNullable<HttpOptions['tls']>> {
  const { serverName, isInsecure } = options
  const material = await readUpstreamTls(options).catch(() => ({}))
  return { ...material, ...(serverName === null ? {} : { serverName }), isInsecure }
}

/** For those questions; a server that hangs keeps nobody from ending. */
export async function questionClient(options: TlsOptions): Promise<HttpClient> {
  return new HttpClient({ tls: await questionTls(options), connectTimeoutUs: PATIENCE_US })
}
