/** `trace card`: the page that a team publishes beside a trace. */
import { basename } from 'node:path'
import { Command } from 'commander'
import { traceCard } from '../report/card.ts'
import { inspectTrace } from '../report/inspection.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import type { Verb } from './verbs.ts'

export const cardCommand: Verb = (world) =>
  new Command('card')
    .argument('<trace>', 'file, or the directory of a recording')
    .option('--html', 'a page with pictures instead of Markdown')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace card code.arrow\n  $ trace card code.arrow --html\n',
    )
    .action(async (path: string, raw: { html?: true }) => {
      const reader = await openTrace(path)
      try {
        const inspection = await inspectTrace(reader)
        if (raw.html) {
          const { inspectionPage } = await import('../report/inspection-page.ts')
          world.stdout.write(inspectionPage(inspection, basename(path)))
          return
        }
        const digest = reader.header.rowDigest ?? (await rowDigest(reader))
        world.stdout.write(traceCard(basename(path), reader.header, inspection, digest))
      } finally {
        await reader.close()
      }
    })
