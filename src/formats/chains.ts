/** The prefix chains of a trace, cut anew into blocks of a fixed number of tokens. Pure. */
import { IdIndex } from '../trace/id-index.ts'
import type { TraceReader } from '../trace/trace.ts'

const ROOT = -1

/** A prompt of more blocks than this is a lie, and a list of their ids an attack. */
const MAX_PROMPT_BLOCKS = 131_072

/** Why a row cannot be written with the ids of its blocks; null if it can. */
export function chainFault(promptTokens: number, blockTokens: number): string | null {
  const isLong = promptTokens / blockTokens > MAX_PROMPT_BLOCKS
  return isLong ? 'the prompt is too long to name its blocks' : null
}

/** Positions inside one source block are told apart by this many; longer blocks are refused. */
const PARTS_PER_BLOCK = 2 ** 21

export class Chains {
  readonly #index = new IdIndex()
  readonly #parents: number[] = []
  readonly #tokens: number[] = []
  readonly #dense = new Map<number, number>()
  #nextId = 0

  static async load(reader: TraceReader): Promise<Chains> {
    const chains = new Chains()
    for await (const { rowCount, columns } of reader.blocks()) {
      for (let row = 0; row < rowCount; row += 1) {
        const parent = columns.parent[row] ?? 0n
        const place = parent === 0n ? ROOT : chains.#index.get(parent)
        if (!chains.#index.add(columns.id[row] ?? 0n, chains.#parents.length)) continue
        chains.#parents.push(place)
        chains.#tokens.push(columns.tokens[row] ?? 0)
      }
    }
    return chains
  }

  /** A number that no block has had so far: dense ids, from 0. */
  fresh(): number {
    this.#nextId += 1
    return this.#nextId - 1
  }

  /**
   * Dense ids of a prompt, one for each `blockTokens` begun: equal leading ids, equal prompt up to
   * there. What the chain does not cover gets ids of its own.
   *
   * @param leaf the row's prefix_leaf; 0n is none
   * @param isTailOwn a last block that is not full gets an id of its own, as some formats want it
   */
  cut(leaf: bigint, promptTokens: number, blockTokens: number, isTailOwn = false): number[] {
    const blockCount = Math.ceil(promptTokens / blockTokens)
    const path = this.#path(leaf)
    const ids: number[] = []
    let place = 0
    let coveredTokens = this.#tokensAt(path[0])
    for (let block = 0; block < blockCount; block += 1) {
      const endTokens = Math.min((block + 1) * blockTokens, promptTokens)
      while (place < path.length && coveredTokens < endTokens) {
        place += 1
        coveredTokens += this.#tokensAt(path[place])
      }
      const isPartial = endTokens < (block + 1) * blockTokens
      const node = isTailOwn && isPartial ? undefined : path[place]
      ids.push(node === undefined ? this.fresh() : this.#named(node, block))
    }
    return ids
  }

  /** Where each block of the row's chain ends, in tokens; empty without a chain. */
  coveredTokens(leaf: bigint): number {
    return this.#path(leaf).reduce((sum, node) => sum + this.#tokensAt(node), 0)
  }

  #named(node: number, block: number): number {
    const key = node * PARTS_PER_BLOCK + block
    const known = this.#dense.get(key)
    if (known !== undefined) return known
    const id = this.fresh()
    this.#dense.set(key, id)
    return id
  }

  #tokensAt(node: number | undefined): number {
    const tokens = node === undefined ? 0 : (this.#tokens[node] ?? 0)
    return tokens > 0 ? tokens : 0
  }

  #path(leaf: bigint): number[] {
    const path: number[] = []
    const start = leaf === 0n ? ROOT : this.#index.get(leaf)
    for (let node = start; node >= 0; node = this.#parents[node] ?? ROOT) path.push(node)
    return path.toReversed()
  }
}
