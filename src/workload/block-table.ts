/** The prefix blocks of a trace as a tree in typed arrays. Pure, but for what the reader does. */
import type { TraceReader } from '../trace/trace.ts'
import { BlockIndex, halvesOf } from './block-index.ts'
import { NONE, type PlanBlocks } from './plan.ts'

export type BlockTable = Readonly<{
  blocks: PlanBlocks
  /** Index of the block, or NONE: no such block, or the id that stands for null. */
  indexOf(id: bigint): number
  /** The same for `ids[at]` of a batch's `halvesOf`, for rows by the million. */
  indexAt(ids: Uint32Array, at: number): number
}>

/** Reads the whole block table; a parent that is missing makes its child a root. */
export async function loadBlocks(
  reader: Pick<TraceReader, 'header' | 'blocks'>,
): Promise<BlockTable> {
  // What a header says of itself is a hint, not a reason to take all memory.
  const capacity = Math.min(reader.header.counts?.block ?? FIRST_CAPACITY, MOST_AHEAD)
  const index = new BlockIndex(capacity)
  let blocks = allocateBlocks(capacity)
  let count = 0
  for await (const { rowCount, columns } of reader.blocks()) {
    const ids = halvesOf(columns.id)
    const parents = halvesOf(columns.parent)
    for (let row = 0; row < rowCount; row += 1) {
      const parent = index.find(parents, row)
      if (!index.add(ids, row)) continue
      if (count === blocks.id.length) blocks = resizeBlocks(blocks, 2 * count + 1)
      blocks.id[count] = columns.id[row]!
      blocks.parent[count] = parent
      blocks.tokens[count] = columns.tokens[row]! || 0
      count += 1
    }
  }
  return {
    blocks: resizeBlocks(blocks, count),
    indexOf: (id) => index.find(halvesOf(BigUint64Array.of(id)), 0),
    indexAt: (ids, at) => index.find(ids, at),
  }
}

const FIRST_CAPACITY = 1_024
/** Larger tables grow as they are read. */
const MOST_AHEAD = 4_194_304

function allocateBlocks(count: number): PlanBlocks {
  return {
    id: new BigUint64Array(new SharedArrayBuffer(8 * count)),
    parent: new Uint32Array(new SharedArrayBuffer(4 * count)),
    tokens: new Uint32Array(new SharedArrayBuffer(4 * count)),
  }
}

function resizeBlocks(blocks: PlanBlocks, count: number): PlanBlocks {
  if (blocks.id.length === count) return blocks
  const resized = allocateBlocks(count)
  const kept = Math.min(count, blocks.id.length)
  resized.id.set(blocks.id.subarray(0, kept))
  resized.parent.set(blocks.parent.subarray(0, kept))
  resized.tokens.set(blocks.tokens.subarray(0, kept))
  return resized
}

/**
 * Only the blocks that some leaf reaches, still parents first, in shared memory.
 *
 * @param leaves indices into `blocks`, or NONE; rewritten to the new indices
 */
export function keepReached(blocks: PlanBlocks, leaves: Uint32Array): PlanBlocks {
  const renamed = new Uint32Array(blocks.id.length)
  for (const leaf of leaves) if (leaf !== NONE) renamed[leaf] = 1
  for (let block = renamed.length - 1; block >= 0; block -= 1) {
    const parent = blocks.parent[block]!
    if (renamed[block] === 1 && parent !== NONE) renamed[parent] = 1
  }
  let count = 0
  for (let block = 0; block < renamed.length; block += 1) {
    renamed[block] = renamed[block] === 1 ? count++ : NONE
  }
  const kept = allocateBlocks(count)
  for (let block = 0; block < renamed.length; block += 1) {
    const to = renamed[block]!
    if (to === NONE) continue
    const parent = blocks.parent[block]!
    kept.id[to] = blocks.id[block]!
    kept.parent[to] = parent === NONE ? NONE : renamed[parent]!
    kept.tokens[to] = blocks.tokens[block]!
  }
  for (let row = 0; row < leaves.length; row += 1) {
    const leaf = leaves[row]!
    if (leaf !== NONE) leaves[row] = renamed[leaf]!
  }
  return kept
}

/** Tokens from the start of the prompt to the end of each block. */
export function endTokens(blocks: PlanBlocks): Float64Array {
  const ends = new Float64Array(blocks.id.length)
  for (let block = 0; block < ends.length; block += 1) {
    const parent = blocks.parent[block]!
    ends[block] = blocks.tokens[block]! + (parent === NONE ? 0 : ends[parent]!)
  }
  return ends
}
