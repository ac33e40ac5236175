/** `trace card`: the page that a team publishes beside a trace. */
import { Command } from 'commander'
import { OUTPUT_FLAGS, Outputs } from '../report/outputs.ts'
import { cardOf } from '../study/card-of.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

const EXAMPLES = `
Examples:
  $ trace card code.arrow
  $ trace card code.arrow --html code.html
`

export const cardCommand: Verb = (world) => {
  const command = new Command('card').argument('<trace>', 'file, or the directory of a recording')
  return addFlags(command, { html: OUTPUT_FLAGS.html })
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, raw: { html?: string }) => {
      const outputs = await Outputs.open(raw)
      try {
        const card = await cardOf(path)
        await outputs.write({ html: card.page }, world.stderr)
        world.stdout.write(card.markdown)
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}
