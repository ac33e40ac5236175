/** `trace query`: SQL over a trace. */
import { Command } from 'commander'
import { parseChoice } from '../base/parse.ts'
import { openDatabase } from '../trace/query.ts'
import { ROW_FORMATS, formatRows } from '../trace/rows-text.ts'
import type { Verb } from './verbs.ts'

export const queryCommand: Verb = (world) =>
  new Command('query')
    .argument('<trace>', 'file, or the directory of a recording')
    .argument('<sql>', 'tables request, block, event, gap, sample; SQLite dialect')
    .option('--format <name>', ROW_FORMATS.join(', '), 'table')
    .addHelpText(
      'after',
      '\nchunk_times(bytes) and chunk_tokens(bytes) give the packed lists as JSON.\n\nExamples:\n' +
        '  $ trace query code.arrow "select count(*), avg(prompt_tokens) from request"\n' +
        '  $ trace query prod/ "select model, count(*) n from request group by 1" --format csv\n',
    )
    .action(async (path: string, sql: string, raw: { format: string }) => {
      const format = parseChoice('--format', raw.format, ROW_FORMATS)
      const database = await openDatabase(path)
      try {
        const { columns, rows } = database.query(sql)
        for (const text of formatRows(format, columns, rows)) world.stdout.write(text)
      } finally {
        database.close()
      }
    })
