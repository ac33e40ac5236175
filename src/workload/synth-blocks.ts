/** Prefix blocks of a made-up workload: one a segment of text, with ids that depend on the seed. Pure. */
import { createHash } from 'node:crypto'
import type { BlockRow } from '../trace/columns.ts'

/** Odd, so that different numbers stay different modulo 2^64. */
const ID_FACTOR = 0x9e37_79b9_7f4a_7c15n

export class SynthBlocks {
  readonly rows: BlockRow[] = []
  readonly #mask: bigint

  constructor(seed: string) {
    this.#mask = createHash('sha256').update(`synth ${seed}`).digest().readBigUInt64LE(0)
  }

  /** A new block below `parent`; @returns its id, or `parent` itself for a block of no tokens. */
  add(parent: bigint | null, tokens: number): bigint | null {
    if (tokens === 0) return parent
    const number = BigInt(this.rows.length + 1)
    const id = BigInt.asUintN(64, number * ID_FACTOR) ^ this.#mask
    const row = { id: id === 0n ? ID_FACTOR : id, parent, tokens }
    this.rows.push(row)
    return row.id
  }
}

/** Sixteen tokens a block: any prompt is a beginning of any longer one. */
const GROWING_BLOCK_TOKENS = 16

/** One endless text of which each prompt is a beginning. */
export class GrowingText {
  readonly #blocks: SynthBlocks
  readonly #ids: bigint[] = []

  constructor(blocks: SynthBlocks) {
    this.#blocks = blocks
  }

  /** The last whole block of a prompt of so many tokens. */
  leafAt(tokens: number): bigint | null {
    const count = Math.floor(tokens / GROWING_BLOCK_TOKENS)
    while (this.#ids.length < count) {
      this.#ids.push(this.#blocks.add(this.#ids.at(-1) ?? null, GROWING_BLOCK_TOKENS)!)
    }
    return this.#ids[count - 1] ?? null
  }
}
