/** How much of each prompt some other request begins with too. Pure. */
import { endTokens } from './block-table.ts'
import { NONE, type PlanBlocks } from './plan.ts'

/**
 * Looks ahead as well as back: else a trace would share more and more from its start on.
 *
 * @param leaves n indices into `blocks`, or NONE, in the order of time
 * @param promptTokens n sizes; NaN: not known
 * @param stretch rows that are looked at together: a longer trace finds no more than a shorter one
 * @returns n counts of tokens
 */
export function sharedTokens(
  blocks: PlanBlocks,
  leaves: Uint32Array,
  promptTokens: ArrayLike<number>,
  stretch: number,
): Float64Array {
  const ends = endTokens(blocks)
  const users = new Uint8Array(ends.length)
  const usedIn = new Uint32Array(ends.length).fill(NONE)
  const shared = new Float64Array(leaves.length)
  for (let from = 0; from < leaves.length; from += stretch) {
    const to = Math.min(leaves.length, from + stretch)
    for (let row = from; row < to; row += 1) {
      let block = leaves[row]!
      // What two have used, two have used with all before it.
      while (block !== NONE && !(usedIn[block] === from && users[block] === 2)) {
        users[block] = usedIn[block] === from ? 2 : 1
        usedIn[block] = from
        block = blocks.parent[block]!
      }
    }
    for (let row = from; row < to; row += 1) {
      let block = leaves[row]!
      while (block !== NONE && users[block] !== 2) block = blocks.parent[block]!
      const most = promptTokens[row]!
      const end = block === NONE ? 0 : ends[block]!
      shared[row] = most < end ? most : end
    }
  }
  return shared
}
