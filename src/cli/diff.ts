/** `trace diff`: where two traces differ. */
import { Command } from 'commander'
import { EXIT } from '../base/errors.ts'
import { formatDifference } from '../trace/diff-text.ts'
import { diffTraces } from '../trace/diff.ts'
import { openTrace } from '../trace/open.ts'
import type { Verb } from './verbs.ts'

export const diffCommand: Verb = (world, answer) =>
  new Command('diff')
    .argument('<first>', 'file, or the directory of a recording')
    .argument('<second>', 'the same; rows are matched by seq')
    .option('--json', 'the difference as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace diff prod/ prod.arrow\n  $ trace diff before.sqlite after.sqlite --json\n',
    )
    .action(async (firstPath: string, secondPath: string, raw: { json?: true }) => {
      const first = await openTrace(firstPath)
      try {
        const second = await openTrace(secondPath)
        try {
          const difference = await diffTraces(first, second)
          world.stdout.write(raw.json ? asJson(difference) : formatDifference(difference))
          if (!difference.isSame) answer(EXIT.threshold)
        } finally {
          await second.close()
        }
      } finally {
        await first.close()
      }
    })

function asJson(difference: unknown): string {
  return `${JSON.stringify(difference, spell, 2)}\n`
}

function spell(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
