/** Which block size a file's ids were cut at, where it does not say. Pure. */

/** A row's prompt in tokens and how many block ids it has. */
export type BlockPair = Readonly<{ tokens: number; count: number }>

const LEAST_TOKENS = 8
const MOST_TOKENS = 4_096

/**
 * A row with n ids for L tokens allows sizes from L/n up to below L/(n−1), the last block being partial.
 * What all rows allow usually leaves one power of two.
 *
 * @returns null where no power of two fits all rows, or none has ids
 */
export function fittingBlockTokens(pairs: readonly BlockPair[]): number | null {
  const told = pairs.filter(({ tokens, count }) => tokens > 0 && count > 0)
  if (told.length === 0) return null
  for (let size = LEAST_TOKENS; size <= MOST_TOKENS; size *= 2) {
    if (told.every((pair) => isCovered(pair, size))) return size
  }
  return null
}

/** Each block that is begun has its id. */
export function isCovered({ tokens, count }: BlockPair, blockTokens: number): boolean {
  return Math.ceil(tokens / blockTokens) === count
}
