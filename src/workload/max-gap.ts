/** Shortens the pauses in which nothing arrives. Pure. */

/**
 * @param dueUs ascending
 * @returns the same, each gap no longer than `maxGapUs`, all that follows moved forward by as much
 */
export function shortenGaps(dueUs: Float64Array, maxGapUs: number): Float64Array {
  let savedUs = 0
  return dueUs.map((atUs, row) => {
    const gapUs = row === 0 ? atUs : atUs - dueUs[row - 1]!
    savedUs += Math.max(0, gapUs - maxGapUs)
    return atUs - savedUs
  })
}
