/** Lays shifted copies of rows over a plan: more users, each with a session and a prefix of its own. Pure. */
import { allocateColumns } from './plan-columns.ts'
import { NONE, type PlanBlocks, type PlanColumns } from './plan.ts'
import { putInSendingOrder } from './sending-order.ts'
import { sharedBlocks, type UserUnits } from './user-units.ts'

/** What copying works on. */
export type Load = Readonly<{
  columns: PlanColumns
  blocks: PlanBlocks
  sessions: readonly string[]
}>

export type CopyOrder = Readonly<{
  /** Distinct per copy; 0 is the rows themselves. */
  copy: number
  /** How far the copy of a row lies from the row, µs. */
  shiftOf: (row: number) => number
  /** Ascending row numbers. */
  rows: Uint32Array
}>

/**
 * A copy keeps the blocks that two or more units use, so that system prompts stay shared, and gets
 * new ids for the others: one user's context is not another's. Shares of hits stay what they were.
 *
 * @param copyStride distance between the `copy` numbers that different copies of one row get
 * @returns rows in the order of their instants
 */
export function layCopies(
  load: Load,
  units: UserUnits,
  orders: readonly CopyOrder[],
  copyStride: number,
): Load {
  const total = orders.reduce((sum, { rows }) => sum + rows.length, 0)
  const columns = allocateColumns(total)
  const isShared = sharedBlocks(load.columns, load.blocks, units)
  const names = [...load.sessions]
  const blocks: PlanBlocks[] = [load.blocks]
  let blockCount = load.blocks.id.length
  let first = 0
  for (const order of orders) {
    copyRows(load.columns, columns, order, first, copyStride)
    if (order.copy > 0) {
      renameSessions(columns, first, order, load.sessions, names)
      const copied = rekeyedBlocks(load, order, isShared, blockCount)
      blocks.push(copied.blocks)
      blockCount += copied.blocks.id.length
      for (let at = first; at < first + order.rows.length; at += 1) {
        const leaf = columns.leaf[at]!
        if (leaf !== NONE) columns.leaf[at] = copied.renamed[leaf]!
      }
    }
    first += order.rows.length
  }
  putInSendingOrder(columns)
  return { columns, blocks: joined(blocks, blockCount), sessions: names }
}

function copyRows(
  from: PlanColumns,
  to: PlanColumns,
  { copy, shiftOf, rows }: CopyOrder,
  first: number,
  copyStride: number,
): void {
  for (const name of Object.keys(from) as (keyof PlanColumns)[]) {
    const source = from[name]
    const target = to[name]
    for (let index = 0; index < rows.length; index += 1)
      target[first + index] = source[rows[index]!]!
  }
  const placeOf = new Uint32Array(from.dueUs.length).fill(NONE)
  for (let index = 0; index < rows.length; index += 1) placeOf[rows[index]!] = first + index
  for (let index = 0; index < rows.length; index += 1) {
    const at = first + index
    to.dueUs[at]! += shiftOf(rows[index]!)
    to.copy[at]! += copy * copyStride
    if (to.parent[at] !== NONE) to.parent[at] = placeOf[to.parent[at]!]!
  }
}

function renameSessions(
  columns: PlanColumns,
  first: number,
  { copy, rows }: CopyOrder,
  sessions: readonly string[],
  names: string[],
): void {
  const renamed = new Uint32Array(sessions.length).fill(NONE)
  for (let at = first; at < first + rows.length; at += 1) {
    const session = columns.session[at]!
    if (session === NONE) continue
    if (renamed[session] === NONE)
      renamed[session] = names.push(`${sessions[session]!}+${copy}`) - 1
    columns.session[at] = renamed[session]!
  }
}

/** Odd, so that multiplying by it modulo 2^64 sends different ids to different ids. */
const ID_FACTOR = 0x9e37_79b9_7f4a_7c15n

/** The blocks of a copy that are not shared, and for each old block what stands for it in the copy. */
function rekeyedBlocks(
  { columns, blocks }: Load,
  { copy, rows }: CopyOrder,
  isShared: Uint8Array,
  firstIndex: number,
): { blocks: PlanBlocks; renamed: Uint32Array } {
  const isUsed = new Uint8Array(blocks.id.length)
  for (const row of rows) {
    let block = columns.leaf[row]!
    for (; block !== NONE && isUsed[block] === 0; block = blocks.parent[block]!) isUsed[block] = 1
  }
  const renamed = new Uint32Array(blocks.id.length)
  let count = 0
  for (let block = 0; block < renamed.length; block += 1) {
    const isOwn = isUsed[block] === 1 && isShared[block] === 0
    renamed[block] = isOwn ? firstIndex + count++ : block
  }
  const own: PlanBlocks = {
    id: new BigUint64Array(count),
    parent: new Uint32Array(count),
    tokens: new Uint32Array(count),
  }
  for (let block = 0; block < renamed.length; block += 1) {
    const at = renamed[block]! - firstIndex
    if (at < 0) continue
    const parent = blocks.parent[block]!
    own.id[at] = (blocks.id[block]! ^ BigInt(copy)) * ID_FACTOR || ID_FACTOR
    own.parent[at] = parent === NONE ? NONE : renamed[parent]!
    own.tokens[at] = blocks.tokens[block]!
  }
  return { blocks: own, renamed }
}

function joined(parts: readonly PlanBlocks[], count: number): PlanBlocks {
  const whole: PlanBlocks = {
    id: new BigUint64Array(count),
    parent: new Uint32Array(count),
    tokens: new Uint32Array(count),
  }
  let first = 0
  for (const part of parts) {
    whole.id.set(part.id, first)
    whole.parent.set(part.parent, first)
    whole.tokens.set(part.tokens, first)
    first += part.id.length
  }
  return whole
}
