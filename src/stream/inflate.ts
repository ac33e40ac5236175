/** Unpacks compressed bodies, but never a small one into a huge one. Pure. */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'

/** A body that would grow by more than this, or beyond this, is left as it is. */
export const MAX_INFLATE_RATIO = 100
export const MAX_INFLATED_BYTES = 64_000_000
/** Small bodies may have any ratio. */
const FREE_INFLATED_BYTES = 65_536

/** @returns the plain body; null where the coding is unknown, broken or above a limit */
export function inflate(body: Uint8Array, coding: string): Uint8Array | null {
  if (coding === '' || coding === 'identity') return body
  const limit = Math.max(FREE_INFLATED_BYTES, body.byteLength * MAX_INFLATE_RATIO)
  const maxOutputLength = Math.min(MAX_INFLATED_BYTES, limit)
  try {
    return unpack(body, coding, maxOutputLength)
  } catch {
    return null
  }
}

/** A body that was cut gives what can be read of it. */
function unpack(body: Uint8Array, coding: string, maxOutputLength: number): Uint8Array | null {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
    case 'deflate':
      return inflateSync(body, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
    case 'br':
      return brotliDecompressSync(body, {
        maxOutputLength,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      })
    case 'zstd':
      return zstdDecompressSync(body, { maxOutputLength, finishFlush: constants.ZSTD_e_flush })
    default:
      return null
  }
}
