/** A whole file in memory, for formats that are one document. Pure. */
import { TraceError } from '../base/errors.ts'

/** Larger documents have to be split; formats of one request a line have no such limit. */
const MAX_DOCUMENT_BYTES = 256_000_000

export async function readAll(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > MAX_DOCUMENT_BYTES) {
      const message = `${name} is larger than ${MAX_DOCUMENT_BYTES / 1e6} MB`
      throw new TraceError('TRACE_UNREADABLE', message, { hint: 'Split it into several files.' })
    }
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}
