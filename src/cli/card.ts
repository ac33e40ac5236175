/** `trace card`: the page that a team publishes beside a trace. */
import { Command } from 'commander'
import { cardOf, cardPageOf } from '../study/card-of.ts'
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
      world.stdout.write(await (raw.html === true ? cardPageOf(path) : cardOf(path)))
    })
