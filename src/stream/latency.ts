/**
 * What each latency is, once, for rows of any trace. Pure.
 *
 * Times are µs from *sent* (first byte written plus upload); from *due* adds the row's lag and
 * upload. Nothing is corrected or filled in: what a row does not know is null.
 */

/** The columns that latencies are made of. */
export type LatencyRow = Readonly<{
  lagUs: number | null
  uploadUs: number | null
  ttftUs: number | null
  firstContentUs: number | null
  e2eUs: number | null
  outputTokens: number | null
}>

/** From when the request was due to when its last byte was sent: what lateness adds. */
export function dueOffsetUs(row: Pick<LatencyRow, 'lagUs' | 'uploadUs'>): number {
  return (row.lagUs ?? 0) + (row.uploadUs ?? 0)
}

/**
 * Time per output token after the first: (e2e − ttft) / (N − 1).
 *
 * @returns null below two tokens, or where first and last token are not both known
 */
export function tpotUs(
  ttftUs: number | null,
  e2eUs: number | null,
  outputTokens: number | null,
): number | null {
  if (ttftUs === null || e2eUs === null || outputTokens === null || outputTokens < 2) return null
  return (e2eUs - ttftUs) / (outputTokens - 1)
}

/** End to end time per output token: e2e / N. Null without tokens. */
export function normalisedUs(e2eUs: number | null, outputTokens: number | null): number | null {
  if (e2eUs === null || outputTokens === null || outputTokens < 1) return null
  return e2eUs / outputTokens
}

/**
 * Gaps between token-bearing events.
 *
 * @param chunkAtUs n ascending times
 * @returns n − 1 gaps, none below 0
 */
export function interChunkUs(chunkAtUs: ArrayLike<number>): Float64Array {
  const gaps = new Float64Array(Math.max(0, chunkAtUs.length - 1))
  for (let index = 0; index < gaps.length; index += 1) {
    gaps[index] = Math.max(0, (chunkAtUs[index + 1] ?? 0) - (chunkAtUs[index] ?? 0))
  }
  return gaps
}

/**
 * Gaps between tokens: an event of k tokens stands for k tokens, each a k-th of the gap before it.
 *
 * @param chunkTokens tokens of each event; null: one each
 * @returns one gap for each token after the first event's
 */
export function interTokenUs(
  chunkAtUs: ArrayLike<number>,
  chunkTokens: ArrayLike<number> | null,
): Float64Array {
  const gaps = interChunkUs(chunkAtUs)
  if (chunkTokens === null) return gaps
  let count = 0
  for (let index = 0; index < gaps.length; index += 1) count += chunkTokens[index + 1] ?? 1
  const expanded = new Float64Array(count)
  let at = 0
  for (let index = 0; index < gaps.length; index += 1) {
    const tokens = chunkTokens[index + 1] ?? 1
    expanded.fill((gaps[index] ?? 0) / tokens, at, at + tokens)
    at += tokens
  }
  return expanded
}

/** Longest gap between token-bearing events; null below two events. */
export function longestGapUs(chunkAtUs: ArrayLike<number>): number | null {
  return chunkAtUs.length < 2
    ? null
    : interChunkUs(chunkAtUs).reduce((longest, gapUs) => Math.max(longest, gapUs), 0)
}
