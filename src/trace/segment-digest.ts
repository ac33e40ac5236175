/** What the rows of finished segments are, said in their headers. Effects: reads and writes the files. */
import { join } from 'node:path'
import { rowDigest } from './digest.ts'
import { formatHeader } from './header-json.ts'
import type { TraceHeader } from './header.ts'
import { readContainer } from './open.ts'
import { segmentNames } from './retention.ts'
import { openFinished } from './sqlite.ts'
import { putHeader } from './sqlite-writer.ts'

/** Segments that are being written, or that have their digest, are left alone. @throws what SQLite says */
export async function digestSegments(directory: string): Promise<void> {
  for (const name of segmentNames(directory)) {
    const path = join(directory, name)
    const header = await digested(path)
    if (header === null) continue
    const connection = openFinished(path)
    putHeader(connection, 'end', formatHeader(header))
    connection.close()
  }
}

async function digested(path: string): Promise<TraceHeader | null> {
  const reader = await readContainer(path)
  try {
    if (!reader.isComplete || reader.header.rowDigest !== null) return null
    return { ...reader.header, rowDigest: await rowDigest(reader) }
  } finally {
    await reader.close()
  }
}
