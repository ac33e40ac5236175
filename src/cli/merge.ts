/** `trace merge`: several traces as one. */
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import { plural } from '../base/format.ts'
import { parseChoice } from '../base/parse.ts'
import { ALIGNMENTS, mergeTraces } from '../trace/merge-traces.ts'
import type { Verb } from './verbs.ts'

export const mergeCommand: Verb = (world) =>
  new Command('merge')
    .argument('<traces...>', 'files, or directories of recordings')
    .option('--out <file>', 'where to write; ends in .sqlite or .arrow')
    .option(
      '--align <how>',
      'wall: as they stood in time; start: all begin together; auto: wall where all know it',
      'auto',
    )
    .option('--force', 'replace the output if it exists')
    .addHelpText(
      'after',
      '\nNumbers of rows are kept apart. So are ids, sessions and tenants, unless all\n' +
        'traces were made with the same key.\n\nExamples:\n' +
        '  $ trace merge monday/ tuesday/ --out both.arrow\n' +
        '  $ trace merge shard-0.sqlite shard-1.sqlite --out run.sqlite\n',
    )
    .action(async (inputs: string[], raw: { out?: string; align: string; force?: true }) => {
      if (raw.out === undefined) throw new TraceError('BAD_OPTION', 'merge wants --out <file>')
      const alignment = parseChoice('--align', raw.align, ALIGNMENTS)
      const options = { inputs, output: raw.out, alignment, isForced: raw.force === true }
      const { rowCount, how } = await mergeTraces(options)
      world.stdout.write(`${raw.out}  ${plural(rowCount, 'request')} · ${how.join(' · ')}\n`)
    })
