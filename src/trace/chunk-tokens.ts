/**
 * How many tokens each chunk of an answer carried, run-length packed; null where it was one each.
 * Pure. Layout: pairs of varints (tokens, how many chunks in a row carried so many).
 */
import { TraceError } from '../base/errors.ts'
import { VarintReader, VarintWriter } from './varint.ts'

/** More chunks than any answer has; a damaged run length must not fill the memory. */
const MAX_CHUNKS = 16_777_216

/** @returns null if every chunk carried exactly one token */
export function encodeChunkTokens(
  tokens: ArrayLike<number>,
  count: number = tokens.length,
): Uint8Array | null {
  const out = new VarintWriter(16)
  let isAllOnes = true
  let start = 0
  while (start < count) {
    const value = tokens[start] ?? 0
    let end = start + 1
    while (end < count && tokens[end] === value) end += 1
    out.unsigned(value)
    out.unsigned(end - start)
    isAllOnes &&= value === 1
    start = end
  }
  return isAllOnes ? null : out.bytes()
}

/** @throws TraceError TRACE_UNREADABLE if the bytes are not such a list */
export function decodeChunkTokens(bytes: Uint8Array): Uint32Array {
  const reader = new VarintReader(bytes)
  const runs: { value: number; count: number }[] = []
  let total = 0
  while (!reader.isAtEnd) {
    const run = { value: reader.unsigned(), count: reader.unsigned() }
    total += run.count
    if (total > MAX_CHUNKS || run.value > 0xffff_ffff) {
      throw new TraceError('TRACE_UNREADABLE', 'a list of chunk tokens is damaged')
    }
    runs.push(run)
  }
  const tokens = new Uint32Array(total)
  let start = 0
  for (const { value, count } of runs) {
    tokens.fill(value, start, start + count)
    start += count
  }
  return tokens
}
