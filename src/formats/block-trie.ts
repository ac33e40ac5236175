/**
 * Turns a format's own block ids into this program's: chained, and without anything of the source's
 * hash in them. Pure.
 *
 * Ids are numbered in the order in which the file first shows them and spread over 64 bits, so that
 * the same file gives the same ids, and a prompt that someone guesses confirms nothing.
 */
import { createHash } from 'node:crypto'
import { GrowingColumn } from '../stats/growing.ts'
import type { BlockRow } from '../trace/columns.ts'
import { IdIndex } from '../trace/id-index.ts'

export type SourceId = number | bigint | string

export type LabelPurpose = 'session' | 'tenant'

/** The end of one prompt's chain. */
export type Chain = Readonly<{ leaf: bigint | null; count: number }>

const MASK = 0xffff_ffff_ffff_ffffn

export class BlockTrie {
  readonly #seed: bigint
  readonly #labelSeeds: Readonly<Record<LabelPurpose, bigint>>
  /** The first block of each source id, by number; a second parent for the same id is rare. */
  #bySource = new IdIndex()
  #byParent = new Map<string, number>()
  /** Source ids that are texts, by number. */
  readonly #texts = new Map<string, number>()
  /** Number of each block's parent; 0 and below is the root of a namespace. */
  readonly #parents = new GrowingColumn()
  readonly #adopted = new Set<bigint>()
  #root = 0
  readonly #fresh: BlockRow[] = []

  /** @param salt makes ids of different files differ, e.g. the file's first bytes */
  constructor(salt: Uint8Array | string) {
    const digest = createHash('sha256').update('vllm-trace import ').update(salt).digest()
    this.#seed = digest.readBigUInt64LE(0)
    this.#labelSeeds = { session: digest.readBigUInt64LE(8), tenant: digest.readBigUInt64LE(16) }
  }

  get blockCount(): number {
    return this.#parents.length
  }

  /** From here on equal ids mean other blocks: a format whose ids hold only inside one file. */
  startNamespace(): void {
    this.#bySource = new IdIndex()
    this.#byParent = new Map()
    this.#root -= 1
  }

  /**
   * @param ids the prompt's blocks from its start
   * @param tokensAt length of the block at an index, in tokens; asked only where the block is new
   */
  extend(ids: readonly SourceId[], tokensAt: (index: number) => number | null): Chain {
    let parent = this.#root
    for (const [index, id] of ids.entries()) parent = this.#child(parent, id, index, tokensAt)
    return { leaf: this.#idOf(parent), count: ids.length }
  }

  /** Ids that are chained and keyed already: kept, if this is the first time they are seen. */
  adopt(ids: readonly bigint[], tokensAt: (index: number) => number | null): void {
    for (const [index, id] of ids.entries()) {
      if (this.#adopted.has(id)) continue
      this.#adopted.add(id)
      this.#number(this.#root)
      this.#fresh.push({ id, parent: ids[index - 1] ?? null, tokens: tokensAt(index) })
    }
  }

  /** One more block that nothing else shares yet; for formats that tell lengths instead of ids. */
  append(parent: bigint | null, tokens: number): bigint {
    const id = spread(this.#seed, this.#number(this.#root))
    this.#fresh.push({ id, parent, tokens })
    return id
  }

  /** Blocks that are new since the last call; parents come before their children. */
  takeBlocks(): BlockRow[] {
    return this.#fresh.splice(0)
  }

  get freshCount(): number {
    return this.#fresh.length
  }

  /** Sixteen hex digits for the n-th session or tenant of this file. */
  label(purpose: LabelPurpose, number: number): string {
    return spread(this.#labelSeeds[purpose], number).toString(16).padStart(16, '0')
  }

  /** @returns the number of the block `sourceId` after the block `parent` */
  #child(
    parent: number,
    sourceId: SourceId,
    index: number,
    tokensAt: (index: number) => number | null,
  ): number {
    const key = this.#keyOf(sourceId)
    const first = this.#bySource.get(key)
    if (first >= 0 && this.#parents.view()[first - 1] === parent) return first
    const pair = `${parent}/${key}`
    const second = first < 0 ? undefined : this.#byParent.get(pair)
    if (second !== undefined) return second
    const child = this.#number(parent)
    if (first < 0) this.#bySource.add(key, child)
    else this.#byParent.set(pair, child)
    const id = spread(this.#seed, child)
    this.#fresh.push({ id, parent: this.#idOf(parent), tokens: tokensAt(index) })
    return child
  }

  /** The next block's, from 1 on. */
  #number(parent: number): number {
    this.#parents.push(parent)
    return this.#parents.length
  }

  #idOf(block: number): bigint | null {
    return block > 0 ? spread(this.#seed, block) : null
  }

  /** 64 bits for an id of any kind; those of texts are apart from small numbers. */
  #keyOf(sourceId: SourceId): bigint {
    if (typeof sourceId !== 'string' && Number.isInteger(Number(sourceId))) {
      return BigInt.asUintN(64, BigInt(sourceId))
    }
    const text = String(sourceId)
    const known = this.#texts.get(text) ?? this.#texts.size
    this.#texts.set(text, known)
    return TEXT_KEYS + BigInt(known)
  }
}

/** Half of all keys: sources number their blocks from 0, or by a hash of 64 bits. */
const TEXT_KEYS = 2n ** 63n

/** SplitMix64's finaliser: one to one, so two numbers never meet. Never 0, which means null. */
function spread(seed: bigint, number: number): bigint {
  let mixed = (seed + BigInt(number) * 0x9e37_79b9_7f4a_7c15n) & MASK
  mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK
  mixed ^= mixed >> 31n
  return mixed === 0n ? 1n : mixed
}
