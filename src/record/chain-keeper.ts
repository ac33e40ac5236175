/** Prefix chains of requests under way, and the blocks that make them up. Pure. */
import {
  CHAIN_BLOCK_BYTES,
  extendChain,
  lastId,
  type Chain,
  type ChainKey,
} from '../stream/prefix-chain.ts'
import type { BlockRow } from '../trace/columns.ts'
import { IdIndex } from '../trace/id-index.ts'

/** Blocks whose length in tokens is remembered; about 12 bytes each. */
const MAX_KNOWN_BLOCKS = 4_000_000

export type ChainKeeperOptions = Readonly<{
  key: ChainKey
  /** The recording has this block, and so all before it. */
  hasBlock: (id: bigint) => boolean
}>

export class ChainKeeper {
  readonly #options: ChainKeeperOptions
  #tokens = new IdIndex()

  constructor(options: ChainKeeperOptions) {
    this.#options = options
  }

  extend(chain: Chain, bytes: Buffer): Chain {
    return extendChain(this.#options.key, chain, bytes)
  }

  /**
   * Rows of the blocks that the recording lacks, parents first.
   *
   * @param promptBlocks blocks of the chain that are the prompt's; the rest is the answer's
   * @param promptRate tokens a byte of the prompt; `answerRate` of the answer
   */
  newBlocks(
    chain: Chain,
    promptBlocks: number,
    promptRate: number,
    answerRate: number,
  ): BlockRow[] {
    const { ids, baseCount, baseId } = chain
    let first = ids.length
    while (first > 0 && !this.#options.hasBlock(ids[first - 1] ?? 0n)) first -= 1
    const rows: BlockRow[] = []
    for (let index = first; index < ids.length; index += 1) {
      const id = ids[index] ?? 0n
      const isRoot = index === 0 && baseCount === 0
      const parent = isRoot ? null : index === 0 ? baseId : (ids[index - 1] ?? 0n)
      const rate = index < promptBlocks ? promptRate : answerRate
      rows.push({ id, parent, tokens: this.#tokensOf(id, baseCount + index, rate) })
    }
    return rows
  }

  /** An id keeps the length that it got first. */
  #tokensOf(id: bigint, index: number, tokensPerByte: number): number {
    if (this.#tokens.size >= MAX_KNOWN_BLOCKS) this.#tokens = new IdIndex()
    const known = this.#tokens.get(id)
    if (known >= 0) return known
    const perBlock = tokensPerByte * CHAIN_BLOCK_BYTES
    // Rounding the ends, not the lengths, keeps the sum of many blocks right.
    const tokens = Math.floor((index + 1) * perBlock) - Math.floor(index * perBlock)
    this.#tokens.add(id, tokens)
    return tokens
  }
}

/** The last block's id and the number of blocks; null where there is no whole block. */
export function leafOf(chain: Chain): { leaf: bigint; count: number } | null {
  const count = chain.baseCount + chain.ids.length
  return count === 0 ? null : { leaf: lastId(chain), count }
}
