/** Chains of blocks that the finished segments of a recording hold. Effects: reads their files. */
import { existsSync } from 'node:fs'
import type { BlockRow } from './columns.ts'
import { openForReading, type Connection } from './sqlite.ts'

export class EarlierSegments {
  readonly #paths: string[]
  /** The one that was asked last: nearly always the newest. */
  #open: { path: string; connection: Connection } | null = null

  /** @param paths in the order in which they were begun */
  constructor(paths: readonly string[]) {
    this.#paths = [...paths]
  }

  add(path: string): void {
    this.#paths.push(path)
  }

  /** @returns the block and all before it, root first; nothing if no segment has it */
  chainTo(id: bigint): BlockRow[] {
    for (const path of this.#paths.toReversed()) {
      // The oldest may have been deleted to make room.
      if (!existsSync(path)) continue
      const chain = readChain(this.#connect(path), id)
      if (chain.length > 0) return chain
    }
    return []
  }

  #connect(path: string): Connection {
    if (this.#open?.path !== path) {
      this.close()
      this.#open = { path, connection: openForReading(path) }
    }
    return this.#open.connection
  }

  close(): void {
    this.#open?.connection.close()
    this.#open = null
  }
}

function readChain(connection: Connection, leaf: bigint): BlockRow[] {
  const statement = connection
    .prepare('SELECT parent, tokens FROM block WHERE id = ?')
    .raw()
    .safeIntegers()
  const chain: BlockRow[] = []
  let id: bigint | null = leaf
  while (id !== null) {
    const found = statement.get(BigInt.asIntN(64, id)) as [bigint | null, bigint | null] | undefined
    if (found === undefined) break
    const parent = found[0] === null ? null : BigInt.asUintN(64, found[0])
    chain.push({ id, parent, tokens: found[1] === null ? null : Number(found[1]) })
    id = parent
  }
  return chain.toReversed()
}
