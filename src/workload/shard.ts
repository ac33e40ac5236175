/** One N-th of a plan, so that several machines together send the whole of it. Pure. */
import { TraceError } from '../base/errors.ts'
import { pickColumns } from './plan-columns.ts'
import { NONE, type PlanColumns, type PlanShard } from './plan.ts'

/** '2/8': the second of eight. @returns index from 0 */
export function parseShard(flag: string, text: string): PlanShard {
  const [, number, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  const index = Number(number) - 1
  const count = Number(of)
  if (index >= 0 && index < count) return { index, count }
  throw new TraceError('BAD_OPTION', `${flag} wants 1/4 to 4/4, got '${text}'`)
}

/** The rows of one shard: a session is never split, nor a request from the one that it comes after. */
export function pickShard(columns: PlanColumns, { index, count }: PlanShard): PlanColumns {
  const { seq, copy, session, parent } = columns
  const keys = new Uint32Array(seq.length)
  const rows: number[] = []
  for (let row = 0; row < keys.length; row += 1) {
    const before = parent[row]!
    if (session[row] !== NONE) keys[row] = spread(session[row]!, 1)
    else if (before !== NONE && before < row) keys[row] = keys[before]!
    else keys[row] = spread(seq[row]!, 2 + copy[row]!)
    if (keys[row]! % count === index) rows.push(row)
  }
  return pickColumns(columns, Uint32Array.from(rows))
}

/** Murmur3's finaliser: neighbours go to different shards. */
function spread(first: number, second: number): number {
  const mixed = Math.imul(first ^ Math.imul(second, 0x9e3779b1), 0x85ebca6b)
  const more = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (more ^ (more >>> 16)) >>> 0
}
