/** `trace history`: numbers over many runs, and where their level changed. */
import { Command } from 'commander'
import { parseShare } from '../base/parse.ts'
import { formatHistory } from '../report/history-text.ts'
import { historyOf } from '../report/history.ts'
import { OUTPUT_FLAGS, Outputs } from '../report/outputs.ts'
import { parseQuantity } from '../report/quantity.ts'
import { readRuns } from '../study/history.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

type Raw = { number?: string[]; minChange: string; maxP: string; json?: true; html?: string }

const EXAMPLES = `
Examples:
  $ trace history .
  $ trace history . --number ttft.p99 --min-change 5% --html history.html
`

const DEFAULTS = ['ttft.p50', 'ttft.p99', 'tpot.p50', 'e2e.p50', 'output_tokens'] as const

const FLAGS = {
  number: {
    flags: '--number <name>',
    description: `without it ${DEFAULTS.join(', ')}`,
    isRepeatable: true,
  },
  minChange: {
    flags: '--min-change <share>',
    description: 'leave out smaller changes',
    default: '0%',
  },
  maxP: {
    flags: '--max-p <share>',
    description: 'leave out changes that chance explains',
    default: '0.001',
  },
  html: OUTPUT_FLAGS.html,
} as const

export const historyCommand: Verb = (world) => {
  const command = new Command('history')
    .argument('<folder>', 'results of replays, .sqlite or .arrow')
    .option('--json', 'the whole history as one JSON document')
  return addFlags(command, FLAGS)
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, raw: Raw) => {
      const quantities = (raw.number ?? DEFAULTS).map((name) => parseQuantity('--number', name))
      const limits = {
        maxP: parseShare('--max-p', raw.maxP),
        minChange: parseShare('--min-change', raw.minChange),
      }
      const outputs = await Outputs.open(raw.html === undefined ? {} : { html: raw.html })
      try {
        const history = historyOf(await readRuns(folder), quantities, limits)
        await outputs.write(
          {
            html: async () => (await import('../report/history-page.ts')).historyPage(history),
          },
          world.stderr,
        )
        world.stdout.write(
          raw.json ? `${JSON.stringify(history, null, 2)}\n` : formatHistory(history),
        )
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}
