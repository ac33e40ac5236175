/** Random numbers that depend on what they are for, never on the order in which they are asked. Pure. */
import seedrandom from 'seedrandom'

/**
 * Uniform on [0, 1) for one row. The same (seq, copy, k) gets the same number in any order, on any
 * worker and any machine.
 *
 * @param seq the row
 * @param copy which superposed or looped copy of it; 0 is the row itself
 * @param k the how-many-th number that this row needs for this purpose
 */
export type Draw = (seq: number, copy?: number, k?: number) => number

/**
 * One independent stream per purpose, so that a new draw in one place moves nothing in another.
 * seedrandom spreads the seed into a 128-bit key; each draw is Murmur3's mixing of (key, seq, copy, k).
 * Vectors stand in `test/base/random.test.ts` and `docs/replay.md`.
 *
 * @param seed what the user gave
 * @param purpose what the numbers are for, e.g. 'jitter'
 * @param source digest of the trace they are applied to, so that two merged traces do not move alike
 */
export function drawFor(seed: string, purpose: string, source = ''): Draw {
  const random = seedrandom(JSON.stringify([seed, purpose, source]))
  const keys = [random.int32(), random.int32(), random.int32(), random.int32()] as const
  return (seq, copy = 0, k = 0) => {
    const low = seq | 0
    const high = Math.floor(seq / 0x1_0000_0000) | 0
    const first = finalise(mix(mix(mix(mix(keys[0], low), high), copy), k) ^ keys[2])
    const second = finalise(mix(mix(mix(mix(keys[1] ^ first, k), copy), high), low) ^ keys[3])
    return ((first >>> 5) * 0x4000000 + (second >>> 6)) / 0x20000000000000
  }
}

/** A sequential generator for code that consumes numbers in one fixed order, e.g. d3-random. */
export function sequenceFor(seed: string, purpose: string): () => number {
  const random = seedrandom(JSON.stringify([seed, purpose]))
  return () => random()
}

function mix(state: number, word: number): number {
  const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
  return (Math.imul(rotate(state ^ scrambled, 13), 5) + 0xe6546b64) | 0
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function finalise(value: number): number {
  const first = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return second ^ (second >>> 16)
}
