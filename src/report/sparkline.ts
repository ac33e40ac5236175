/** A row of block characters that shows how a number went. Pure. */

const BLOCKS = '▁▂▃▄▅▆▇█'

/**
 * Nothing but zeros lies at the bottom, any other constant in the middle.
 * @param values NaN leaves a gap
 * @param width characters; more values than that are averaged in groups
 */
export function sparkline(values: readonly number[], width: number): string {
  const size = Math.max(1, Math.ceil(values.length / width))
  const points = Array.from({ length: Math.ceil(values.length / size) }, (_, group) => {
    const part = values
      .slice(group * size, (group + 1) * size)
      .filter((value) => Number.isFinite(value))
    return part.length === 0
      ? Number.NaN
      : part.reduce((sum, value) => sum + value, 0) / part.length
  })
  const known = points.filter((value) => !Number.isNaN(value))
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return points
    .map((value) => {
      if (Number.isNaN(value)) return ' '
      if (high === low) return BLOCKS[high === 0 ? 0 : 3]!
      const level = Math.round(((value - low) / (high - low)) * 7)
      return BLOCKS[level]!
    })
    .join('')
}
