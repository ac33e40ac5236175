/** The card of a trace file, as `trace card` prints it and `trace push --card` sends it. Effects: reads the file. */
import { basename } from 'node:path'
import { cardMarkdown, cardOfTrace } from '../report/card.ts'
import { inspectTrace } from '../report/inspection.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'

type CardText = Readonly<{
  markdown: string
  /** The same with pictures, as one page. */
  page(): Promise<string>
}>

/** @param path file, or the folder of a recording */
export async function cardOf(path: string): Promise<CardText> {
  const reader = await openTrace(path)
  try {
    const inspection = await inspectTrace(reader)
    const digest = reader.header.rowDigest ?? (await rowDigest(reader))
    const card = cardOfTrace(basename(path), reader.header, inspection, digest)
    return {
      markdown: cardMarkdown(card),
      page: async () => (await import('../report/card-page.ts')).cardPage(card, inspection),
    }
  } finally {
    await reader.close()
  }
}
