/**
 * How the times of an answer's chunks are packed: lossless in µs, about two bytes a chunk. Pure.
 *
 * Layout: the first time as a zigzag varint, then the first delta as a zigzag varint, then for each
 * further chunk the zigzag varint of (this delta − the delta before). Streams have a steady beat, so
 * the change of the delta is small where the delta itself would take three bytes.
 */
import { TraceError } from '../base/errors.ts'
import { VarintReader, VarintWriter } from './varint.ts'

/**
 * @param timesUs one whole number for each chunk, µs since *sent*, in order of arrival
 * @param count how many of them, all by default
 */
export function encodeChunkTimes(
  timesUs: ArrayLike<number>,
  count: number = timesUs.length,
): Uint8Array {
  const out = new VarintWriter(count * 2 + 16)
  let lastUs = 0
  let lastDeltaUs = 0
  for (let index = 0; index < count; index += 1) {
    const atUs = timesUs[index] ?? 0
    const deltaUs = atUs - lastUs
    out.signed(index < 2 ? deltaUs : deltaUs - lastDeltaUs)
    lastUs = atUs
    lastDeltaUs = deltaUs
  }
  return out.bytes()
}

/** @throws TraceError TRACE_UNREADABLE if the bytes are not such a list */
export function decodeChunkTimes(bytes: Uint8Array): Float64Array {
  const reader = new VarintReader(bytes)
  const timesUs = new Float64Array(bytes.length)
  let count = 0
  let lastUs = 0
  let deltaUs = 0
  while (!reader.isAtEnd) {
    const change = reader.signed()
    deltaUs = count < 2 ? change : deltaUs + change
    lastUs += deltaUs
    if (!Number.isSafeInteger(lastUs)) {
      throw new TraceError('TRACE_UNREADABLE', 'a list of chunk times runs past 2^53 µs')
    }
    timesUs[count] = lastUs
    count += 1
  }
  return timesUs.subarray(0, count)
}
