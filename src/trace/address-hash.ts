/** Names a server without telling where it is: only who knows the address can compare. Pure. */
import { hash } from 'node:crypto'

/**
 * @param salt kept beside the hash in the header, so that two traces of one server do not look alike
 * @param host name or address as it was written
 * @returns 64 hex digits
 */
export function addressHash(salt: string, host: string, port: number): string {
  return hash('sha256', `${salt}\n${plainHost(host)}:${port}`, 'hex')
}

/** '[::1]' → '::1', 'A.example.' → 'a.example' */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
