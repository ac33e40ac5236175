/**
 * Turns a format's own block ids into this program's: chained, and without anything of the source's
 * hash in them. Pure.
 *
 * Ids are numbered in the order in which the file first shows them and spread over 64 bits, so that
 * the same file gives the same ids, and a prompt that someone guesses confirms nothing.
 */
import { createHash } from 'node:crypto'
import type { BlockRow } from '../trace/columns.ts'

export type SourceId = number | bigint | string

export type LabelPurpose = 'session' | 'tenant'

type Node = { readonly index: number; readonly parent: number; readonly id: bigint }

/** The end of one prompt's chain. */
export type Chain = Readonly<{ leaf: bigint | null; count: number }>

const MASK = 0xffff_ffff_ffff_ffffn

export class BlockTrie {
  readonly #seed: bigint
  readonly #labelSeeds: Readonly<Record<LabelPurpose, bigint>>
  /** The first node of each source id; a second parent for the same id is rare. */
  #bySource = new Map<SourceId, Node>()
  #byParent = new Map<string, Node>()
  readonly #adopted = new Set<bigint>()
  #rootIndex = 0
  #nodeCount = 0
  readonly #fresh: BlockRow[] = []

  /** @param salt makes ids of different files differ, e.g. the file's first bytes */
  constructor(salt: Uint8Array | string) {
    const digest = createHash('sha256').update('vllm-trace import ').update(salt).digest()
    this.#seed = digest.readBigUInt64LE(0)
    this.#labelSeeds = { session: digest.readBigUInt64LE(8), tenant: digest.readBigUInt64LE(16) }
  }

  get blockCount(): number {
    return this.#nodeCount
  }

  /** From here on equal ids mean other blocks: a format whose ids hold only inside one file. */
  startNamespace(): void {
    this.#bySource = new Map()
    this.#byParent = new Map()
    this.#rootIndex -= 1
  }

  /**
   * @param ids the prompt's blocks from its start
   * @param tokensAt length of the block at an index, in tokens; asked only where the block is new
   */
  extend(ids: readonly SourceId[], tokensAt: (index: number) => number | null): Chain {
    let parent: Node | null = null
    for (let index = 0; index < ids.length; index += 1) {
      const id = ids[index]
      if (id === undefined) break
      parent = this.#child(parent, id, index, tokensAt)
    }
    return { leaf: parent?.id ?? null, count: ids.length }
  }

  /** Ids that are chained and keyed already: kept, if this is the first time they are seen. */
  adopt(ids: readonly bigint[], tokensAt: (index: number) => number | null): void {
    for (const [index, id] of ids.entries()) {
      if (this.#adopted.has(id)) continue
      this.#adopted.add(id)
      this.#nodeCount += 1
      this.#fresh.push({ id, parent: ids[index - 1] ?? null, tokens: tokensAt(index) })
    }
  }

  /** One more block that nothing else shares yet; for formats that tell lengths instead of ids. */
  append(parent: bigint | null, tokens: number): bigint {
    this.#nodeCount += 1
    const id = spread(this.#seed, this.#nodeCount)
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

  #child(
    parent: Node | null,
    id: SourceId,
    index: number,
    tokensAt: (index: number) => number | null,
  ): Node {
    const parentIndex = parent?.index ?? this.#rootIndex
    const first = this.#bySource.get(id)
    if (first?.parent === parentIndex) return first
    const key = first === undefined ? '' : `${parentIndex}/${id}`
    const second = first === undefined ? undefined : this.#byParent.get(key)
    if (second !== undefined) return second
    this.#nodeCount += 1
    const node = {
      index: this.#nodeCount,
      parent: parentIndex,
      id: spread(this.#seed, this.#nodeCount),
    }
    if (first === undefined) this.#bySource.set(id, node)
    else this.#byParent.set(key, node)
    this.#fresh.push({ id: node.id, parent: parent?.id ?? null, tokens: tokensAt(index) })
    return node
  }
}

/** SplitMix64's finaliser: one to one, so two numbers never meet. Never 0, which means null. */
function spread(seed: bigint, number: number): bigint {
  let mixed = (seed + BigInt(number) * 0x9e37_79b9_7f4a_7c15n) & MASK
  mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK
  mixed ^= mixed >> 31n
  return mixed === 0n ? 1n : mixed
}
