/** `trace inspect`: what is in a trace. */
import { Command } from 'commander'
import { formatInspection } from '../report/inspection-text.ts'
import { inspectTrace } from '../report/inspection.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import type { Verb } from './verbs.ts'

export const inspectCommand: Verb = (world) =>
  new Command('inspect')
    .description('Shows what is in a trace: arrivals, sizes, sharing, sessions, outcomes.')
    .argument('<trace>', 'file, or the directory of a recording')
    .option('--json', 'all figures as one JSON document')
    .option('--digest', 'only the digest of its rows: equal in both containers')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace inspect prod/\n  $ trace inspect --json tuesday.sqlite\n',
    )
    .action(async (path: string, raw: { json?: true; digest?: true }) => {
      const reader = await openTrace(path)
      try {
        if (raw.digest) {
          world.stdout.write(`${await rowDigest(reader)}\n`)
          return
        }
        const inspection = await inspectTrace(reader)
        world.stdout.write(
          raw.json ? `${JSON.stringify(inspection, null, 2)}\n` : formatInspection(inspection),
        )
      } finally {
        await reader.close()
      }
    })
