/** A source's own block ids: read, numbered anew, written as a row's prefix. Pure. */
import type { SourceId } from './block-trie.ts'
import { asList } from './fields.ts'
import type { ImportContext } from './importer.ts'
import { RowFault } from './row-fault.ts'

/** Ids as a format gives them: numbers, 64-bit numbers or text; no list is an empty one. */
export function blockIds(value: unknown): SourceId[] {
  if (value === undefined || value === null) return []
  return asList(value, 'hash_ids').map((id) => {
    if (typeof id === 'number' || typeof id === 'bigint') return id
    if (typeof id === 'string' && id !== '' && id.length <= 128) return id
    throw new RowFault('hash_ids holds something that is no id')
  })
}

/** Writes the row's prefix: full blocks, and a last one that holds what is left of the prompt. */
export function addChain(
  { sink, blocks, header }: ImportContext,
  ids: readonly SourceId[],
  promptTokens: number,
  blockTokens: number,
): void {
  if (ids.length === 0) return
  header.hashing = hashingOf(blockTokens)
  const chain = blocks.extend(ids, (index) =>
    Math.max(0, Math.min(blockTokens, promptTokens - index * blockTokens)),
  )
  sink.id('prefixLeaf', chain.leaf)
  sink.number('prefixBlocks', chain.count)
}

export function hashingOf(blockTokens: number | null): {
  scheme: string
  blockBytes: null
  blockTokens: number | null
  keyId: null
} {
  return { scheme: 'imported', blockBytes: null, blockTokens, keyId: null }
}
