/** Prefix chains of requests under way, and the blocks that make them up. Pure. */
import { asText } from '../stream/json.ts'
import {
  CHAIN_BLOCK_BYTES,
  extendChain,
  lastId,
  rootId,
  startChain,
  type Chain,
  type ChainKey,
  type ChainRoot,
} from '../stream/prefix-chain.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import type { BlockRow, EndpointName } from '../trace/columns.ts'
import { IdIndex } from '../trace/id-index.ts'
import type { Enrichment } from './enricher.ts'
import type { ObserveOptions } from './observe-options.ts'
import { BoundedMap } from './sessions.ts'

/** Blocks whose length in tokens is remembered: the last so many, and as many before; 25 MB at most. */
const KNOWN_BLOCKS = 500_000
const MAX_KNOWN_ROOTS = 1_000
const TOKEN_BYTES = 4

export type ChainKeeperOptions = Readonly<{
  key: ChainKey
  /** The recording has this block, and so all before it. */
  hasBlock: (id: bigint) => boolean
  mode: ObserveOptions['blocks']
}>

export class ChainKeeper {
  readonly #options: ChainKeeperOptions
  readonly #knownBlocks: number
  #tokens = new IdIndex()
  /** As `#tokens` was when it was full. */
  #olderTokens = new IdIndex()
  /** Roots of prompts without a salt of their own. */
  readonly #roots = new BoundedMap<string, bigint>(MAX_KNOWN_ROOTS)

  /** @param knownBlocks whose lengths are kept, and as many before */
  constructor(options: ChainKeeperOptions, knownBlocks = KNOWN_BLOCKS) {
    this.#options = options
    this.#knownBlocks = knownBlocks
  }

  /** The chain of an empty prompt: what must be equal before two prompts can share anything. */
  start(endpoint: EndpointName, facts: RequestFacts): Chain {
    return this.#startOf(endpoint === 'completions' ? 'raw' : 'templated', facts)
  }

  #startOf(family: ChainRoot['family'], { model, json }: RequestFacts): Chain {
    const cacheSalt = asText(json?.['cache_salt'])
    const root: ChainRoot = { family, model: model ?? '', adapter: null, cacheSalt }
    if (cacheSalt !== null) return startChain(rootId(this.#options.key, root))
    const name = `${family} ${root.model}`
    const known = this.#roots.get(name)
    if (known !== undefined) return startChain(known)
    const id = rootId(this.#options.key, root)
    this.#roots.set(name, id)
    return startChain(id)
  }

  extend(chain: Chain, bytes: Buffer): Chain {
    return extendChain(this.#options.key, chain, bytes)
  }

  /**
   * Leaves of a prompt and of its answer, and the blocks of both that the recording lacks.
   *
   * @param whole the chain with the answer; null without one
   * @param promptTokens with the prompt's length in bytes this gives a new block's length in tokens
   * @param answerRate the same for the answer, tokens a byte
   */
  describe(
    chain: Chain | null,
    whole: Chain | null,
    promptTokens: number,
    answerRate: number,
  ): Enrichment {
    if (chain === null || this.#options.mode !== 'bytes') return { row: {}, blocks: [] }
    const leaf = leafOf(chain)
    const blockCount = chain.baseCount + chain.ids.length
    const sizeBytes = blockCount * CHAIN_BLOCK_BYTES + chain.tail.length
    const promptRate = sizeBytes === 0 ? 0 : promptTokens / sizeBytes
    return {
      row: {
        prefixLeaf: leaf,
        prefixBlocks: leaf === null ? null : blockCount,
        answerLeaf: whole === null ? null : leafOf(whole),
      },
      blocks: this.#newBlocks(whole ?? chain, chain.ids.length, promptRate, answerRate),
    }
  }

  /** The same by the tokens that the engine sees, where those are what is wanted and known. */
  describeTokens(facts: RequestFacts, ids: Uint32Array | null): Enrichment {
    if (ids === null || this.#options.mode !== 'engine') return { row: {}, blocks: [] }
    const bytes = Buffer.alloc(ids.length * TOKEN_BYTES)
    ids.forEach((id, index) => bytes.writeUInt32BE(id, index * TOKEN_BYTES))
    const chain = this.extend(this.#startOf('tokens', facts), bytes)
    const leaf = leafOf(chain)
    return {
      row: { prefixLeaf: leaf, prefixBlocks: leaf === null ? null : chain.ids.length },
      blocks: this.#newBlocks(chain, chain.ids.length, 1 / TOKEN_BYTES, 0),
    }
  }

  /** Parents first. The first `promptBlocks` of the chain are the prompt's. */
  #newBlocks(
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
    const known = this.#tokens.get(id)
    if (known >= 0) return known
    if (this.#tokens.size >= this.#knownBlocks) {
      this.#olderTokens = this.#tokens
      this.#tokens = new IdIndex()
    }
    const older = this.#olderTokens.get(id)
    const perBlock = tokensPerByte * CHAIN_BLOCK_BYTES
    // Rounding the ends, not the lengths, keeps the sum of many blocks right.
    const counted = Math.floor((index + 1) * perBlock) - Math.floor(index * perBlock)
    const tokens = older >= 0 ? older : counted
    this.#tokens.add(id, tokens)
    return tokens
  }
}

/** The last whole block; null where there is none. */
function leafOf(chain: Chain): bigint | null {
  return chain.baseCount + chain.ids.length === 0 ? null : lastId(chain)
}
