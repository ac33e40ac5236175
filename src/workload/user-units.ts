/** Who is one user: rows that come and go together when there are more users, or fewer. Pure. */
import { NONE, type PlanBlocks, type PlanColumns } from './plan.ts'

export type UserUnits = Readonly<{
  /** The unit of each row, from 0. */
  unit: Uint32Array
  count: number
  /** Units up to this number are sessions: they come whole, when their first row comes. */
  wholeCount: number
}>

/**
 * A prefix of so many requests belongs to everybody, as a system prompt does. Keeping it in a second
 * copy of the load saves one miss in so many, so that hit rates stay within a point and a half.
 */
const SHARED_FROM = 64

/**
 * A session is a unit. Where a trace has none, rows are told apart by prefixes: one unit is all that
 * hangs below the last block that belongs to everybody. Other rows are alone.
 */
export function userUnits(
  columns: PlanColumns,
  blocks: PlanBlocks,
  sessionCount: number,
): UserUnits {
  const { session, leaf } = columns
  const branchOf = branches(leaf, blocks)
  const unitOfBranch = new Uint32Array(blocks.id.length).fill(NONE)
  const unit = new Uint32Array(session.length)
  let count = sessionCount
  for (let row = 0; row < unit.length; row += 1) {
    const branch = leaf[row] === NONE ? NONE : branchOf[leaf[row]!]!
    if (session[row] !== NONE) unit[row] = session[row]!
    else if (branch === NONE) unit[row] = count++
    else {
      if (unitOfBranch[branch] === NONE) unitOfBranch[branch] = count++
      unit[row] = unitOfBranch[branch]!
    }
  }
  return { unit, count, wholeCount: sessionCount }
}

/** For each block the first block of its own branch, or NONE where it belongs to everybody. */
function branches(leaf: Uint32Array, { parent }: PlanBlocks): Uint32Array {
  const uses = new Uint32Array(parent.length)
  for (const block of leaf) if (block !== NONE) uses[block]! += 1
  for (let block = parent.length - 1; block >= 0; block -= 1) {
    if (parent[block] !== NONE) uses[parent[block]!]! += uses[block]!
  }
  const branch = new Uint32Array(parent.length)
  for (let block = 0; block < parent.length; block += 1) {
    const above = parent[block] === NONE ? NONE : branch[parent[block]!]!
    if (uses[block]! >= SHARED_FROM) branch[block] = NONE
    else branch[block] = above === NONE ? block : above
  }
  return branch
}

/** Rows of one tenant are one unit; rows without a tenant stay with their user. */
export function tenantUnits(
  columns: PlanColumns,
  tenantOf: readonly (string | null)[],
  users: UserUnits,
): UserUnits {
  const unitOf = new Map<string | number, number>()
  const unit = columns.shape.map((shape, row) => {
    const who = tenantOf[shape] ?? users.unit[row]!
    const known = unitOf.get(who)
    if (known !== undefined) return known
    unitOf.set(who, unitOf.size)
    return unitOf.size - 1
  })
  return { unit, count: unitOf.size, wholeCount: unitOf.size }
}

/** The first row of each unit. */
export function firstRows({ unit, count }: UserUnits): Uint32Array {
  const first = new Uint32Array(count).fill(NONE)
  for (let row = unit.length - 1; row >= 0; row -= 1) first[unit[row]!] = row
  return first
}

/** For each block 1 if two or more units use it: it stays the same in every copy. */
export function sharedBlocks(
  { leaf }: PlanColumns,
  blocks: PlanBlocks,
  { unit }: UserUnits,
): Uint8Array {
  const user = new Uint32Array(blocks.id.length).fill(NONE)
  const isShared = new Uint8Array(blocks.id.length)
  for (let row = 0; row < leaf.length; row += 1) {
    for (let block = leaf[row]!; block !== NONE; block = blocks.parent[block]!) {
      // What is above a block is used by at least the same units.
      if (isShared[block] === 1 || user[block] === unit[row]) break
      if (user[block] === NONE) user[block] = unit[row]!
      else isShared[block] = 1
    }
  }
  return isShared
}
