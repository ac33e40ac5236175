/** `trace slice`: a part of a trace. */
import { Command } from 'commander'
import { formatCount } from '../base/format.ts'
import { SELECTION_FLAGS, parseSelection, type RawSelection } from '../trace/selection.ts'
import { sliceTrace } from '../trace/slice.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

export const sliceCommand: Verb = (world) =>
  addFlags(
    new Command('slice')
      .argument('<in>', 'file, or the directory of a recording')
      .argument('<out>', 'ends in .sqlite or .arrow'),
    SELECTION_FLAGS,
  )
    .option('--force', 'replace the output if it exists')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace slice prod/ morning.arrow --from 0s --to 12h\n' +
        '  $ trace slice prod/ one.arrow --model tiny --limit 1000\n',
    )
    .action(async (input: string, output: string, raw: RawSelection & { force?: true }) => {
      const selection = parseSelection(raw)
      const isForced = raw.force === true
      const { rowCount, readCount, digest } = await sliceTrace({
        input,
        output,
        selection,
        isForced,
      })
      const counts = `${formatCount(rowCount)} of ${formatCount(readCount)} requests`
      world.stdout.write(`${output}  ${counts} · digest ${digest.slice(0, 12)}…\n`)
    })
