/** Certificates and keys of both sides, read again on demand. Effects: reads files. */
import { readText } from '../base/files.ts'
import { type DialTls, type SecureContext, tlsContext } from '../base/socket.ts'
import type { TlsOptions } from './options.ts'

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
    const host = upstream.hostname.replace(/^\[(.*)\]$/, '$1')
    const { serverName, isInsecure } = this.#options
    return { context: this.#client, serverName: serverName ?? host, isInsecure }
  }

  /**
   * Reads every file; connections that are open keep what they began with.
   *
   * @throws TraceError BAD_OPTION naming the flag; then what was read before stays in use
   */
  async load(): Promise<void> {
    const { certPath, keyPath, caPath, clientCertPath, clientKeyPath } = this.#options
    const server =
      certPath === null || keyPath === null
        ? null
        : tlsContext('--tls-cert and --tls-key', {
            cert: await readText('--tls-cert', certPath),
            key: await readText('--tls-key', keyPath),
          })
    const ca = caPath === null ? {} : { ca: await readText('--upstream-ca', caPath) }
    const own =
      clientCertPath === null || clientKeyPath === null
        ? {}
        : {
            cert: await readText('--upstream-cert', clientCertPath),
            key: await readText('--upstream-key', clientKeyPath),
          }
    this.#client = tlsContext('--upstream-ca, --upstream-cert and --upstream-key', {
      ...ca,
      ...own,
    })
    this.#server = server
  }
}
