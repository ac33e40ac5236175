/**
 * What can be told of the times of an event stream that came compressed: when its first token was
 * there to be unpacked, and when it ended. Unpacking again for each later piece would cost the square
 * of its length. Pure.
 */
import { inflate } from './inflate.ts'
import type { AnswerCapture, Observation } from './observation.ts'
import { SseSplitter } from './sse-splitter.ts'
import { TokenScan } from './token-scan.ts'

/** A first token that is not in so many pieces has no time. */
export const MAX_PACKED_PIECES = 64
/** Nor has one behind so many plain bytes: each piece is unpacked from the start. */
const MAX_PLAIN_BYTES = 1_000_000

export type PackedTimes = Pick<
  Observation,
  | 'chunkAtUs'
  | 'chunkKinds'
  | 'chunkTokens'
  | 'chunkTokensExact'
  | 'firstTokenAtUs'
  | 'firstContentAtUs'
  | 'lastTokenAtUs'
>

/** @param hasTokens events that bear tokens were found in the whole */
export function packedTimes(capture: AnswerCapture, hasTokens: boolean): PackedTimes {
  return {
    chunkAtUs: new Float64Array(0),
    chunkKinds: new Uint8Array(0),
    chunkTokens: new Uint32Array(0),
    chunkTokensExact: false,
    firstTokenAtUs: hasTokens ? firstTokenAtUs(capture) : null,
    firstContentAtUs: null,
    lastTokenAtUs: hasTokens ? capture.endAtUs : null,
  }
}

function firstTokenAtUs({ body, contentEncoding, packedMarks }: AnswerCapture): number | null {
  const marks = packedMarks ?? new Float64Array(0)
  for (let at = 0; at < marks.length; at += 2) {
    const plain = inflate(body.subarray(0, marks[at]), contentEncoding)
    if (plain !== null && hasToken(plain)) return marks[at + 1] ?? null
    if (plain !== null && plain.length > MAX_PLAIN_BYTES) return null
  }
  return null
}

function hasToken(plain: Uint8Array): boolean {
  const scan = new TokenScan()
  let isFound = false
  const splitter = new SseSplitter({}, (bytes, from, to) => {
    isFound ||= scan.bearsTokens(bytes, from, to)
  })
  splitter.push(Buffer.from(plain.buffer, plain.byteOffset, plain.length), 0, plain.length, 0)
  splitter.release()
  return isFound
}
