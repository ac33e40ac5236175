/** Why a connection failed, in words; apart from the client, so that a thread of sockets need not load it. Pure. */

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name does not resolve',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to it',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_SOCKET: 'it closed the connection',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
}

/** One short phrase for why a connection failed; never quotes what the other side sent. */
export function reasonOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException
    if (code !== undefined && REASONS[code] !== undefined) return REASONS[code]
    if (at.name === 'TimeoutError') return 'it did not answer in time'
    if (at instanceof AggregateError && at.errors.length > 0) return reasonOf(at.errors[0])
  }
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return code === undefined ? 'no valid answer' : code
}
