/** Small fast hashes for tokens and text: equal in, equal out, on any machine. Pure. */

/** A number that is not 0, from a number and a word. 53 bits, so that it is a cheap Map key. */
export function hashStep(state: number, word: number): number {
  const low = scramble((state | 0) ^ Math.imul(word, 0x9e3779b1))
  const high = scramble(Math.floor(state / 0x1_0000_0000) ^ low ^ Math.imul(word, 0x85ebca6b))
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0) || 1
}

export function hashText(text: string): number {
  let state = 1
  for (let index = 0; index < text.length; index += 1) {
    state = hashStep(state, text.charCodeAt(index))
  }
  return state
}

/** Uniform on [0, 1) from a hash and the place where it is used. */
export function uniformOf(state: number, word: number): number {
  return hashStep(hashStep(state, word), 0x27d4eb2f) / 0x20_0000_0000_0000
}

function scramble(value: number): number {
  const first = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return second ^ (second >>> 16)
}
