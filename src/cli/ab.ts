/** `trace ab`: the same load against two servers, in pairs of runs, and what the gates decide. */
import { Command } from 'commander'
import { parseReplayOptions, type RawReplayOptions } from '../replay/options.ts'
import { emitComparison } from '../report/emit-comparison.ts'
import { OUTPUT_FLAGS, Outputs, type RawOutputs } from '../report/outputs.ts'
import { ab } from '../study/ab.ts'
import {
  AB_FLAGS,
  AB_REPLAY_FLAGS,
  parseAbOptions,
  type RawAbOptions,
} from '../study/ab-options.ts'
import { parseWorkloadOptions, type RawWorkloadOptions } from '../workload/options.ts'
import { addFlags } from './add-flags.ts'
import { readPlan } from './read-plan.ts'
import type { Verb } from './verbs.ts'
import { addWorkloadFlags } from './workload-flags.ts'

const EXAMPLES = `
Examples:
  $ trace ab prod/ --a http://a:8000 --b http://b:8000 --runs 3 --limit 20
  $ trace ab code.arrow --a http://a:8000 --b http://b:8000 --to 2s --runs 1
`

type Raw = RawAbOptions & RawWorkloadOptions & RawReplayOptions & RawOutputs & { json?: true }

const { csv: _csv, ...FORMS } = OUTPUT_FLAGS

export const abCommand: Verb = (world, answer) => {
  const command = new Command('ab').argument(
    '<trace>',
    'trace file, .sqlite or .arrow, or a recording',
  )
  addFlags(command.optionsGroup('Which servers, how often, and what decides:'), AB_FLAGS)
  addWorkloadFlags(command.optionsGroup('What is sent, and when:'))
  addFlags(command.optionsGroup('How it is sent:'), AB_REPLAY_FLAGS)
  addFlags(command.optionsGroup('How it is shown:'), FORMS)
  return command
    .option('--json', 'the whole comparison as one JSON document')
    .optionsGroup('')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, raw: Raw) => {
      const options = parseAbOptions(raw)
      const workload = parseWorkloadOptions(raw)
      const sending = parseReplayOptions({ ...raw, target: [options.a.href] })
      const outputs = await Outputs.open(raw)
      try {
        const end = await ab(await readPlan(path, workload), sending, options, world)
        const exitCode = await emitComparison(end.comparison, outputs, world, raw.json === true)
        answer(end.exitCode === end.comparison.exit_code ? exitCode : end.exitCode)
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}
