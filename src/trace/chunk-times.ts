/**
 * How the times of an answer's chunks are packed: lossless in µs, about two bytes a chunk. Pure.
 *
 * A varint of 2 × zigzag(first time) + mode opens the list. In mode 0 the first delta follows, and for
 * each further chunk the change of the delta: good where a stream speeds up and slows down. In mode 1
 * a usual delta follows, and for each further chunk its delta minus that: good where deltas jitter
 * around one value. All are zigzag varints; the shorter list is kept. A plain varint of a 20 ms delta
 * would take three bytes.
 */
import { TraceError } from '../base/errors.ts'
import { VarintReader, VarintWriter, signedBytes } from './varint.ts'

/**
 * @param timesUs one whole number for each chunk, µs since *sent*, in order of arrival, below 2^51
 * @param count how many of them, all by default
 */
export function encodeChunkTimes(
  timesUs: ArrayLike<number>,
  count: number = timesUs.length,
): Uint8Array {
  if (count === 0) return new Uint8Array(0)
  const deltasUs = new Float64Array(count)
  for (let index = 0; index < count; index += 1) {
    deltasUs[index] = (timesUs[index] ?? 0) - (timesUs[index - 1] ?? 0)
  }
  const [firstUs = 0] = deltasUs
  const out = new VarintWriter(count * 2 + 16)
  const usualUs = usualDelta(deltasUs)
  const isSteady = usualUs !== null
  out.unsigned((firstUs < 0 ? -2 * firstUs - 1 : 2 * firstUs) * 2 + Number(isSteady))
  if (isSteady) out.signed(usualUs)
  let beforeUs = usualUs ?? 0
  for (let index = 1; index < count; index += 1) {
    const deltaUs = deltasUs[index] ?? 0
    out.signed(deltaUs - beforeUs)
    if (!isSteady) beforeUs = deltaUs
  }
  return out.bytes()
}

/** The delta to store, or null where storing changes of the delta takes fewer bytes. */
function usualDelta(deltasUs: Float64Array): number | null {
  if (deltasUs.length < 2) return null
  let sumUs = 0
  for (let index = 1; index < deltasUs.length; index += 1) sumUs += deltasUs[index] ?? 0
  const usualUs = Math.round(sumUs / (deltasUs.length - 1))
  let changeBytes = 0
  let usualBytes = signedBytes(usualUs)
  let beforeUs = 0
  for (let index = 1; index < deltasUs.length; index += 1) {
    const deltaUs = deltasUs[index] ?? 0
    changeBytes += signedBytes(deltaUs - beforeUs)
    usualBytes += signedBytes(deltaUs - usualUs)
    beforeUs = deltaUs
  }
  return usualBytes < changeBytes ? usualUs : null
}

/** @throws TraceError TRACE_UNREADABLE if the bytes are not such a list */
export function decodeChunkTimes(bytes: Uint8Array): Float64Array {
  if (bytes.length === 0) return new Float64Array(0)
  const reader = new VarintReader(bytes)
  const timesUs = new Float64Array(bytes.length)
  const opening = reader.unsigned()
  const mode = opening % 2
  const zigzag = (opening - mode) / 2
  let atUs = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  let beforeUs = mode === 1 ? reader.signed() : 0
  timesUs[0] = atUs
  let count = 1
  while (!reader.isAtEnd) {
    const deltaUs = beforeUs + reader.signed()
    if (mode === 0) beforeUs = deltaUs
    atUs += deltaUs
    if (!Number.isSafeInteger(atUs)) {
      throw new TraceError('TRACE_UNREADABLE', 'a list of chunk times runs past 2^53 µs')
    }
    timesUs[count] = atUs
    count += 1
  }
  return timesUs.subarray(0, count)
}
