/** Finds which earlier conversation a prompt goes on from, by exact ends of conversations. Pure. */
import {
  CHAIN_BLOCK_BYTES,
  lastId,
  pointId,
  type Chain,
  type ChainKey,
} from '../stream/prefix-chain.ts'
import type { RenderedPrompt } from '../stream/render-prompt.ts'
import { BoundedMap, MAX_TURNS } from './sessions.ts'

/** Of the answers that a prompt quotes, the latest few are looked at. */
const MAX_ANSWERS = 4
/** A prompt without turns is searched back so many blocks for the end of another. */
const MAX_BLOCKS_BACK = 256
/** Different ends inside one block. */
const MAX_RESTS = 16

export class PointFinder {
  readonly #key: ChainKey
  /** Ends of prompts without turns: bytes after the last whole block, by that block. */
  readonly #rests = new BoundedMap<bigint, number[]>(MAX_TURNS)

  constructor(key: ChainKey) {
    this.#key = key
  }

  /** The end of what the chain holds. @param isOpen another prompt may go on inside the next turn */
  endOf(chain: Chain, isOpen: boolean): bigint {
    const id = lastId(chain)
    if (isOpen) {
      const rests = this.#rests.get(id) ?? []
      if (!rests.includes(chain.tail.length)) rests.push(chain.tail.length)
      if (rests.length > MAX_RESTS) rests.shift()
      this.#rests.set(id, rests)
    }
    return pointId(this.#key, id, chain.tail)
  }

  /** Points inside the prompt where another conversation may have ended, the likeliest first. */
  find(chain: Chain, { bytes, answers }: RenderedPrompt): bigint[] {
    if (chain.baseCount > 0) return []
    if (answers.length === 0) return this.#findOpen(chain, bytes)
    const latest = answers.slice(-MAX_ANSWERS).toReversed()
    const ends = [...latest.map(({ to }) => to), ...latest.map(({ from }) => from)]
    return ends.map((end) => this.#pointAt(chain, bytes, end))
  }

  #findOpen(chain: Chain, bytes: Buffer): bigint[] {
    const points: bigint[] = []
    const least = Math.max(0, chain.ids.length - MAX_BLOCKS_BACK)
    for (let block = chain.ids.length; block >= least; block -= 1) {
      const id = block === 0 ? chain.baseId : (chain.ids[block - 1] ?? 0n)
      for (const rest of this.#rests.get(id) ?? []) {
        const end = block * CHAIN_BLOCK_BYTES + rest
        if (end < bytes.length) points.push(this.#pointAt(chain, bytes, end))
      }
    }
    return points
  }

  #pointAt({ baseId, ids }: Chain, bytes: Buffer, end: number): bigint {
    const block = Math.floor(end / CHAIN_BLOCK_BYTES)
    const id = block === 0 ? baseId : (ids[block - 1] ?? 0n)
    return pointId(this.#key, id, bytes.subarray(block * CHAIN_BLOCK_BYTES, end))
  }
}
