/** The card of a trace file, as `trace card` prints it and `trace push --card` sends it. Effects: reads the file. */
import { basename } from 'node:path'
import { traceCard } from '../report/card.ts'
import { inspectTrace } from '../report/inspection.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'

/** @param path file, or the folder of a recording */
export async function cardOf(path: string): Promise<string> {
  const reader = await openTrace(path)
  try {
    const inspection = await inspectTrace(reader)
    const digest = reader.header.rowDigest ?? (await rowDigest(reader))
    return traceCard(basename(path), reader.header, inspection, digest)
  } finally {
    await reader.close()
  }
}

/** The same with pictures, as one page. */
export async function cardPageOf(path: string): Promise<string> {
  const { inspectionPage } = await import('../report/inspection-page.ts')
  const reader = await openTrace(path)
  try {
    return inspectionPage(await inspectTrace(reader), basename(path))
  } finally {
    await reader.close()
  }
}
