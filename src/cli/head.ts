/** `trace head`: the first rows of a trace. */
import { Command } from 'commander'
import { plural } from '../base/format.ts'
import {
  fitRows,
  HEAD_DEFAULTS,
  parseHeadOptions,
  readHead,
  type RawHeadOptions,
} from '../trace/head.ts'
import { ROW_FORMATS, rowsText } from '../trace/rows-text.ts'
import type { Verb } from './verbs.ts'

export const headCommand: Verb = (world) =>
  new Command('head')
    .argument('<trace>', 'file, or the directory of a recording')
    .option('--rows <count>', 'how many', HEAD_DEFAULTS.rows)
    .option('--columns <names>', 'only these, with commas between, e.g. at_us,prompt_tokens')
    .option('--format <name>', ROW_FORMATS.join(', '), HEAD_DEFAULTS.format)
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace head prod/\n' +
        '  $ trace head code.arrow --rows 3 --columns at_us,prompt_tokens,output_tokens\n',
    )
    .action(async (path: string, raw: RawHeadOptions) => {
      const options = parseHeadOptions(path, raw)
      const found = await readHead(options)
      const isFitted = world.stdout.isTTY && options.format === 'table' && options.columns === null
      const { columns, rows } = isFitted ? fitRows(found, world.stdout.columns) : found
      const text = rowsText(options.format, columns)
      for (const row of rows) world.stdout.write(text.add(row))
      world.stdout.write(text.end())
      const hidden = found.columns.length - columns.length
      if (hidden > 0) {
        world.stderr.write(
          `${plural(hidden, 'column')} left out: --columns NAMES, or --format jsonl\n`,
        )
      }
    })
