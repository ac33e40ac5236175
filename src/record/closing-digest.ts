/** The digest that a recording's last line shows, and those of its segments. Effects: reads and writes it. */
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import { digestSegments } from '../trace/segment-digest.ts'

/** A larger recording would keep an operator waiting; `trace inspect --digest` tells it later. */
const MAX_BYTES = 200_000_000

/** @returns null where the recording is too large, or cannot be read */
export async function closingDigest(directory: string, fileBytes: number): Promise<string | null> {
  if (fileBytes > MAX_BYTES) return null
  try {
    await digestSegments(directory)
    const reader = await openTrace(directory)
    const digest = reader.header.rowDigest ?? (await rowDigest(reader))
    await reader.close()
    return digest
  } catch {
    return null
  }
}
