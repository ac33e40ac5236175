/** `trace query`: SQL over a trace. */
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import { parseBytes, parseChoice, parseDurationUs } from '../base/parse.ts'
import { QueryProcess } from '../trace/query-process.ts'
import { ROW_FORMATS, rowsText } from '../trace/rows-text.ts'
import type { Verb } from './verbs.ts'

type RawQuery = { format: string; timeLimit: string; memoryLimit: string }

export const queryCommand: Verb = (world) =>
  new Command('query')
    .argument('<trace>', 'file, or the directory of a recording')
    .argument('<sql>', 'tables request, block, event, gap, sample; SQLite dialect')
    .option('--format <name>', ROW_FORMATS.join(', '), 'table')
    .option('--time-limit <duration>', 'end a query that works longer', '60s')
    .option('--memory-limit <bytes>', 'end a query that holds more', '2GB')
    .addHelpText(
      'after',
      '\nchunk_times(bytes) and chunk_tokens(bytes) give the packed lists as JSON.\n\nExamples:\n' +
        '  $ trace query code.arrow "select count(*), avg(prompt_tokens) from request"\n' +
        '  $ trace query prod/ "select max(ttft_us) from request" --format csv\n',
    )
    .action(async (path: string, sql: string, raw: RawQuery) => {
      if (/^\s*(?:select|with)\s/i.test(path)) {
        throw new TraceError('BAD_OPTION', 'query wants the trace first, then the SQL')
      }
      const format = parseChoice('--format', raw.format, ROW_FORMATS)
      const query = new QueryProcess({
        timeUs: parseDurationUs('--time-limit', raw.timeLimit),
        memoryBytes: parseBytes('--memory-limit', raw.memoryLimit),
      })
      try {
        const { columns, rows } = await query.ask(path, sql)
        const text = rowsText(format, columns)
        for await (const run of rows) {
          for (const row of run) world.stdout.write(text.add(row))
        }
        world.stdout.write(text.end())
      } finally {
        query.close()
      }
    })
