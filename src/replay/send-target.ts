/** How targets are reached: keys and certificates from their files, addresses of hosts. Effects: reads files, asks for names. */
import { readText } from '../base/files.ts'
import type { HttpOptions } from '../base/http.ts'
import { resolveHost } from '../base/socket.ts'
import type { ReplayOptions } from './options.ts'
import type { SendTarget } from './send-worker.ts'

type Headers = ReplayOptions['headers']

export async function httpOptions({
  headers,
  apiKeyPath,
  tls,
}: ReplayOptions): Promise<HttpOptions> {
  const key = apiKeyPath === null ? null : await readText('--api-key-file', apiKeyPath)
  return {
    headers: Object.fromEntries(key === null ? headers : withKey(headers, key)),
    tls: {
      ...(tls.caPath === null ? {} : { ca: await readText('--tls-ca', tls.caPath) }),
      ...(tls.certPath === null ? {} : { cert: await readText('--tls-cert', tls.certPath) }),
      ...(tls.keyPath === null ? {} : { key: await readText('--tls-key', tls.keyPath) }),
      isInsecure: tls.isInsecure,
    },
  }
}

/** A key from a file stands in place of one among the headers. */
function withKey(headers: Headers, key: string): Headers {
  const others = headers.filter(([name]) => name.toLowerCase() !== 'authorization')
  return [...others, ['authorization', `Bearer ${(key.split('\n')[0] ?? '').trim()}`]]
}

export async function sendTarget(
  url: URL,
  tls: NonNullable<HttpOptions['tls']>,
): Promise<SendTarget> {
  const { protocol, hostname, port } = url
  const isTls = protocol === 'https:'
  const { ca, cert, key, isInsecure = false } = tls
  const material = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
  return {
    host: await resolveHost(hostname),
    port: Number(port || (isTls ? 443 : 80)),
    tls: isTls ? { ...material, serverName: hostname, isInsecure } : null,
  }
}
