/** The store behind an address. Effects: through the store. */
import { folderStore } from './folder-store.ts'
import { httpStore } from './http-store.ts'
import { ociStore } from './oci-store.ts'
import { parsePlace } from './place.ts'
import { s3Store } from './s3.ts'
import type { Store } from './store.ts'

export type StoreOptions = Readonly<{
  endpointUrl: string | null
  env: Readonly<Record<string, string | undefined>>
  isForced: boolean
}>

/** @throws TraceError BAD_OPTION for an address of no known kind */
export function openStore(address: string, options: StoreOptions): Store | Promise<Store> {
  const place = parsePlace(address)
  if (place.kind === 'folder') return folderStore(place.path, options.isForced)
  if (place.kind === 'http') return httpStore(place.url, options.env)
  if (place.kind === 'oci') return ociStore(place, options.env)
  return s3Store(place.bucket, place.key, options.endpointUrl, options.env)
}
