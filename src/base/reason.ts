/** Why a connection failed, in words; apart from the client, so that a thread of sockets need not load it. Pure. */

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name does not resolve',
  EAI_FAIL: 'its name does not resolve',
  EAI_NODATA: 'its name has no address',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection reset',
  EPIPE: 'it closed the connection',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  EHOSTDOWN: 'no route to it',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'connecting took too long',
  EADDRNOTAVAIL: 'no free port is left here, or no such address',
  EMFILE: 'this process has as many files open as it may',
  ENFILE: 'this machine has as many files open as it may',
  EACCES: 'this machine does not let us connect there',
  EPERM: 'this machine does not let us connect there',
  EPROTO: 'it does not speak our TLS',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_SOCKET: 'it closed the connection',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'its answer stopped half-way',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of its answer are too long',
  HPE_HEADER_OVERFLOW: 'the headers of its answer are too long',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its answer is not as long as it says',
  UND_ERR_INVALID_ARG: 'the address or a header is not one that can be sent',
  ERR_INVALID_CHAR: 'a header has a character that cannot be sent',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'it does not speak TLS',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate of ours',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'it does not agree to our TLS, or wants a certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  HOSTNAME_MISMATCH: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted',
  CERT_UNTRUSTED: 'its certificate is not trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: are the clocks right?',
  CERT_REVOKED: 'its certificate was revoked',
}

/** Codes that come in many kinds; the code says which. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^HPE_/, 'it does not speak HTTP/1.1'],
  [/^ERR_(?:SSL|TLS|OSSL)_/, 'no TLS connection came about'],
  [/^(?:CERT|CRL|UNABLE_TO|ERROR_IN)_|_CA$|_PURPOSE$/, 'its certificate cannot be checked'],
  [/^UND_ERR_/, 'no valid answer'],
  [/^EAI_/, 'its name does not resolve'],
]

/** What to try, by how the reason begins. */
const HINTS: readonly (readonly [string, string])[] = [
  ['it does not speak TLS', 'Is it http:// instead of https://?'],
  ['it does not speak HTTP', 'Is this the port of its HTTP API, and http:// or https:// right?'],
  [
    'its certificate is',
    '--tls-ca FILE names whom to trust, or NODE_EXTRA_CA_CERTS=FILE for any command.',
  ],
  ['it wants a certificate', '--tls-cert and --tls-key show ours.'],
  ['it does not agree', '--tls-cert and --tls-key show ours.'],
  ['the headers of its answer', 'Another program, or a proxy that adds cookies, may answer there.'],
  ['this process has', '`ulimit -n` says how many it may; raise it.'],
]

/** One short phrase for why a connection failed; never quotes what the other side sent. */
export function reasonOf(error: unknown): string {
  let unknownCode: string | null = null
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException
    const known = typeof code === 'string' ? REASONS[code] : undefined
    if (known !== undefined) return known
    if (at.name === 'TimeoutError') return 'it did not answer in time'
    // Undici's, whose code can be missing.
    if (at.name === 'HTTPParserError') return 'it does not speak HTTP/1.1'
    if (at instanceof AggregateError && at.errors.length > 0) return reasonOf(at.errors[0])
    if (typeof code === 'string') unknownCode ??= code
  }
  if (unknownCode === null) return 'no valid answer'
  const [, family] = FAMILIES.find(([pattern]) => pattern.test(unknownCode)) ?? []
  return `${family ?? 'the connection failed'} (${unknownCode})`
}

/** What to try, for an error whose usual advice does not help; undefined: that does. */
export function hintOf(error: unknown): string | undefined {
  const reason = reasonOf(error)
  return HINTS.find(([start]) => reason.startsWith(start))?.[1]
}
