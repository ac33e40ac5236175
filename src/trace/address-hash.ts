/** Names a server without telling where it is: only who knows the address can compare. Pure. */
import { hash } from 'node:crypto'

/**
 * @param salt kept beside the hash in the header, so that two traces of one server do not look alike
 * @param host name or address as it was written; '[::1]' and '::1' are the same
 * @returns 64 hex digits
 */
export function addressHash(salt: string, host: string, port: number): string {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return hash('sha256', `${salt}\n${name}:${port}`, 'hex')
}
