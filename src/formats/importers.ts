/** Every format that can be read, in the order in which their marks are looked for. Pure. */
import { azure } from './azure.ts'
import type { Head } from './head.ts'
import type { Importer } from './importer.ts'
import { mooncake } from './mooncake.ts'

export const IMPORTERS: readonly Importer[] = [azure, mooncake]

export function findImporter(head: Head): Importer | null {
  return IMPORTERS.find((importer) => importer.recognises(head)) ?? null
}
