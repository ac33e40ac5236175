/** How targets are reached: keys and certificates from their files, addresses of hosts. Effects: reads files, asks for names. */
import { readText } from '../base/files.ts'
import type { HttpOptions } from '../base/http.ts'
import { resolveHost } from '../base/socket.ts'
import type { ReplayOptions } from './options.ts'
import type { SendTarget } from './send-worker.ts'

export async function httpOptions({
  headers,
  apiKeyPath,
  tls,
}: ReplayOptions): Promise<HttpOptions> {
  const key = apiKeyPath === null ? null : await readText('--api-key-file', apiKeyPath)
  const bearer =
    key === null ? [] : [['authorization', `Bearer ${(key.split('\n')[0] ?? '').trim()}`]]
  return {
    headers: Object.fromEntries([...headers, ...bearer]) as Record<string, string>,
    tls: {
      ...(tls.caPath === null ? {} : { ca: await readText('--tls-ca', tls.caPath) }),
      ...(tls.certPath === null ? {} : { cert: await readText('--tls-cert', tls.certPath) }),
      ...(tls.keyPath === null ? {} : { key: await readText('--tls-key', tls.keyPath) }),
      isInsecure: tls.isInsecure,
    },
  }
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
