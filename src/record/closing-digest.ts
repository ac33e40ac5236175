/** The digest that a recording's last line shows. Effects: reads the recording. */
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'

/** A larger recording would keep an operator waiting; `trace inspect --digest` tells it later. */
const MAX_BYTES = 200_000_000

/** @returns null where the recording is too large, or cannot be read */
export async function closingDigest(directory: string, fileBytes: number): Promise<string | null> {
  if (fileBytes > MAX_BYTES) return null
  try {
    const reader = await openTrace(directory)
    const digest = await rowDigest(reader)
    await reader.close()
    return digest
  } catch {
    return null
  }
}
