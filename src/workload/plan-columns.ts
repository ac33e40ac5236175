/** Makes, grows, orders and picks the columns of a plan, in shared memory. Pure. */
import { NONE, type PlanColumns } from './plan.ts'

/** Columns of `count` zeroed rows. */
export function allocateColumns(count: number): PlanColumns {
  return {
    dueUs: new Float64Array(shared(8 * count)),
    seq: new Uint32Array(shared(4 * count)),
    copy: new Uint16Array(shared(2 * count)),
    flags: new Uint16Array(shared(2 * count)),
    promptTokens: new Uint32Array(shared(4 * count)),
    outputTokens: new Uint32Array(shared(4 * count)),
    leaf: new Uint32Array(shared(4 * count)),
    session: new Uint32Array(shared(4 * count)),
    parent: new Uint32Array(shared(4 * count)),
    thinkUs: new Float32Array(shared(4 * count)),
    abortAt: new Float32Array(shared(4 * count)),
    shape: new Uint32Array(shared(4 * count)),
  }
}

function shared(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(sizeBytes)
}

/** The first rows of `columns`, in arrays of exactly `capacity` rows; columns move one by one. */
export function resizeColumns(columns: PlanColumns, capacity: number): PlanColumns {
  if (columns.dueUs.length === capacity) return columns
  const { dueUs, seq, copy, flags, promptTokens, outputTokens } = columns
  const { leaf, session, parent, thinkUs, abortAt, shape } = columns
  return {
    dueUs: moved(dueUs, new Float64Array(shared(8 * capacity))),
    seq: moved(seq, new Uint32Array(shared(4 * capacity))),
    copy: moved(copy, new Uint16Array(shared(2 * capacity))),
    flags: moved(flags, new Uint16Array(shared(2 * capacity))),
    promptTokens: moved(promptTokens, new Uint32Array(shared(4 * capacity))),
    outputTokens: moved(outputTokens, new Uint32Array(shared(4 * capacity))),
    leaf: moved(leaf, new Uint32Array(shared(4 * capacity))),
    session: moved(session, new Uint32Array(shared(4 * capacity))),
    parent: moved(parent, new Uint32Array(shared(4 * capacity))),
    thinkUs: moved(thinkUs, new Float32Array(shared(4 * capacity))),
    abortAt: moved(abortAt, new Float32Array(shared(4 * capacity))),
    shape: moved(shape, new Uint32Array(shared(4 * capacity))),
  }
}

type NumberArray = Float64Array | Float32Array | Uint32Array | Uint16Array

function moved<T extends NumberArray>(from: T, to: T): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from)
  return to
}

/** Row i of the answer is row `rows[i]` of `columns`; parents that were not picked become NONE. */
export function pickColumns(columns: PlanColumns, rows: Uint32Array): PlanColumns {
  const picked = allocateColumns(rows.length)
  for (const name of NAMES) {
    const from = columns[name]
    const to = picked[name]
    for (let index = 0; index < rows.length; index += 1) to[index] = from[rows[index]!]!
  }
  renameParents(picked, rows, columns.dueUs.length)
  return picked
}

/** The same over the columns' own memory: `order` is a permutation of all rows. */
export function reorderColumns(columns: PlanColumns, order: Uint32Array): void {
  const scratch = new ArrayBuffer(8 * order.length)
  for (const name of NAMES) {
    const to = columns[name]
    const Kind = to.constructor as new (
      buffer: ArrayBuffer,
      start: number,
      count: number,
    ) => NumberArray
    const from = new Kind(scratch, 0, order.length)
    from.set(to)
    for (let index = 0; index < order.length; index += 1) to[index] = from[order[index]!]!
  }
  renameParents(columns, order, order.length)
}

const NAMES = Object.keys(allocateColumns(0)) as (keyof PlanColumns)[]

/** `rows[i]` is the old number of row i; of rows picked twice a parent is the first. */
function renameParents({ parent }: PlanColumns, rows: Uint32Array, oldCount: number): void {
  if (!parent.some((row) => row !== NONE)) return
  const renamed = new Uint32Array(oldCount).fill(NONE)
  for (let index = rows.length - 1; index >= 0; index -= 1) renamed[rows[index]!] = index
  for (let index = 0; index < parent.length; index += 1) {
    if (parent[index] !== NONE) parent[index] = renamed[parent[index]!]!
  }
}

/**
 * The columns with some of them new. Values go into the old columns' own memory where there are as
 * many, so that a large plan is never held twice and stays shared.
 */
export function overwrite(columns: PlanColumns, next: Partial<PlanColumns>): PlanColumns {
  const entries = NAMES.map((name) => {
    const from = next[name]
    const to = columns[name]
    if (from === undefined || from === to) return [name, to]
    if (from.length === to.length) to.set(from)
    return [name, from.length === to.length ? to : from]
  })
  return Object.fromEntries(entries) as PlanColumns
}

/** True if rows stand in sending order already. */
export function isOrdered({ dueUs, seq, copy }: PlanColumns): boolean {
  for (let row = 1; row < dueUs.length; row += 1) {
    const isLater =
      dueUs[row]! - dueUs[row - 1]! || seq[row]! - seq[row - 1]! || copy[row]! - copy[row - 1]!
    if (isLater < 0) return false
  }
  return true
}
