/**
 * The KV cache: a fixed number of blocks, shared between sequences whose prefixes are equal. Pure.
 *
 * A full block is known by a hash of its tokens and all before them. Blocks that nobody uses keep
 * their content until they are needed again, the longest unused first.
 */

const NOBODY = -1

export type BlockPool = {
  readonly blockTokens: number
  readonly blockCount: number
  /** How many sequences use each block. */
  readonly users: Int32Array
  /** Hash of what each block holds; 0 while it is not full. */
  readonly hashes: Float64Array
  /** Which block holds a prefix. */
  readonly byHash: Map<number, number>
  /** Unused blocks as a doubly linked list, the next to be taken first. */
  readonly next: Int32Array
  readonly previous: Int32Array
  head: number
  tail: number
  freeCount: number
}

export function createBlockPool(blockCount: number, blockTokens: number): BlockPool {
  const pool: BlockPool = {
    blockTokens,
    blockCount,
    users: new Int32Array(blockCount),
    hashes: new Float64Array(blockCount),
    byHash: new Map(),
    next: new Int32Array(blockCount).fill(NOBODY),
    previous: new Int32Array(blockCount).fill(NOBODY),
    head: NOBODY,
    tail: NOBODY,
    freeCount: 0,
  }
  for (let block = 0; block < blockCount; block += 1) append(pool, block)
  return pool
}

/** Blocks that hold this chain's longest known prefix, at most `limit` of them. Takes nothing. */
export function findPrefix(pool: BlockPool, hashes: readonly number[], limit: number): number[] {
  const found: number[] = []
  for (const hash of hashes) {
    if (found.length >= limit) break
    const block = pool.byHash.get(hash)
    if (block === undefined) break
    found.push(block)
  }
  return found
}

/** How many blocks could be taken once `kept`, which may be unused, are held. */
export function availableBeside(pool: BlockPool, kept: readonly number[]): number {
  let unused = 0
  for (const block of kept) if (pool.users[block] === 0) unused += 1
  return pool.freeCount - unused
}

/** One more user of a block that is already there. */
export function share(pool: BlockPool, block: number): void {
  if (pool.users[block] === 0) unlink(pool, block)
  pool.users[block] = (pool.users[block] ?? 0) + 1
}

/** The longest unused block, its old content forgotten; the caller has checked that there is one. */
export function take(pool: BlockPool): number {
  const block = pool.head
  unlink(pool, block)
  forget(pool, block)
  pool.users[block] = 1
  return block
}

/** A block is full: later sequences with the same prefix may share it. */
export function publishBlock(pool: BlockPool, block: number, hash: number): void {
  if (pool.hashes[block] === hash || pool.byHash.has(hash)) return
  forget(pool, block)
  pool.hashes[block] = hash
  pool.byHash.set(hash, block)
}

/** Gives a sequence's blocks back, its last first, so that the tail of a prefix goes before its head. */
export function release(pool: BlockPool, blocks: readonly number[]): void {
  for (let index = blocks.length - 1; index >= 0; index -= 1) {
    const block = blocks[index] ?? 0
    const users = (pool.users[block] ?? 0) - 1
    pool.users[block] = users
    if (users === 0) append(pool, block)
  }
}

function forget(pool: BlockPool, block: number): void {
  const hash = pool.hashes[block] ?? 0
  if (hash === 0) return
  if (pool.byHash.get(hash) === block) pool.byHash.delete(hash)
  pool.hashes[block] = 0
}

function append(pool: BlockPool, block: number): void {
  pool.previous[block] = pool.tail
  pool.next[block] = NOBODY
  if (pool.tail === NOBODY) pool.head = block
  else pool.next[pool.tail] = block
  pool.tail = block
  pool.freeCount += 1
}

function unlink(pool: BlockPool, block: number): void {
  const before = pool.previous[block] ?? NOBODY
  const after = pool.next[block] ?? NOBODY
  if (before === NOBODY) pool.head = after
  else pool.next[before] = after
  if (after === NOBODY) pool.tail = before
  else pool.previous[after] = before
  pool.freeCount -= 1
}
