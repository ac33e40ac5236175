/** What of a text tells how many tokens it has, counted in one pass over its bytes. Pure. */

/** Constant, letters, words, digits, other ASCII, bytes beyond ASCII. */
export const FEATURE_COUNT = 6
export type Features = Float64Array

const LETTER = 1
const DIGIT = 2
const SPACE = 3
const OTHER = 4
const WIDE = 5

const CLASS = new Uint8Array(256).fill(OTHER)
for (let byte = 0; byte < 256; byte += 1) {
  if ((byte | 32) >= 97 && (byte | 32) <= 122) CLASS[byte] = LETTER
  else if (byte >= 48 && byte <= 57) CLASS[byte] = DIGIT
  else if (byte === 32 || (byte >= 9 && byte <= 13)) CLASS[byte] = SPACE
  else if (byte >= 128) CLASS[byte] = WIDE
}

/** @param texts prompts of one request, rendered; marks count as a few odd bytes */
export function featuresOf(texts: readonly Uint8Array[]): Features {
  const features = new Float64Array(FEATURE_COUNT)
  features[0] = texts.length
  for (const text of texts) {
    const counts = new Uint32Array(8)
    let words = 0
    let before = 0
    for (let at = 0; at < text.length; at += 1) {
      const kind = CLASS[text[at] ?? 0] ?? OTHER
      counts[kind] = (counts[kind] ?? 0) + 1
      if (kind === LETTER && before !== LETTER) words += 1
      before = kind
    }
    add(features, 1, counts[LETTER] ?? 0)
    add(features, 2, words)
    add(features, 3, counts[DIGIT] ?? 0)
    add(features, 4, counts[OTHER] ?? 0)
    add(features, 5, counts[WIDE] ?? 0)
  }
  return features
}

/** Stretches of a text without white space: no token reaches over one of its gaps. */
export function wordCount(text: Uint8Array): number {
  let words = 0
  let before = SPACE
  for (const byte of text) {
    const kind = CLASS[byte] ?? OTHER
    if (kind !== SPACE && before === SPACE) words += 1
    before = kind
  }
  return words
}

function add(features: Features, index: number, value: number): void {
  features[index] = (features[index] ?? 0) + value
}
