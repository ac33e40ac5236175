/** What the admin listener can be told. */
import { type HostPort, parseHostPort } from '../base/parse.ts'
import { tokenPath } from './admin-token.ts'

export const ADMIN_FLAGS = {
  adminListen: {
    flags: '--admin-listen <host:port>',
    description: 'health, metrics and switches; the next port if a route has it; off: none',
    default: '127.0.0.1:9001',
  },
  adminTokenFile: {
    flags: '--admin-token-file <file>',
    description: 'token for the switches; made if missing (beside --out)',
  },
} as const

export type RawAdminOptions = Readonly<{ adminListen: string; adminTokenFile?: string }>

export type AdminOptions = Readonly<{ listen: HostPort | null; tokenPath: string }>

/** @param taken ports of the recorder itself */
export function parseAdminOptions(
  raw: RawAdminOptions,
  directory: string,
  taken: readonly number[],
): AdminOptions {
  const path = raw.adminTokenFile ?? tokenPath(directory)
  if (raw.adminListen === 'off') return { listen: null, tokenPath: path }
  const { host, port } = parseHostPort('--admin-listen', raw.adminListen)
  let free = port
  while (free !== 0 && taken.includes(free)) free += 1
  return { listen: { host, port: free }, tokenPath: path }
}
