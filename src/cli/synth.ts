/** `trace synth`: the trace of a workload that nobody recorded, from a configuration. */
import { Command } from 'commander'
import { plural } from '../base/format.ts'
import { createTrace } from '../trace/create.ts'
import {
  SYNTH_FLAGS,
  withOptions,
  parseSynthOptions,
  type RawSynthOptions,
} from '../workload/synth-options.ts'
import { readSynthSource } from '../workload/synth-source.ts'
import { synthHeader, writeSynthetic } from '../workload/synth-trace.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

const EXAMPLES = `
Examples:
  $ trace synth chat.yaml chat.arrow --seed 7
  $ trace synth inference-perf.yaml scenario.arrow --as executed
`

export const synthCommand: Verb = (world) => {
  const command = new Command('synth')
    .argument('<config>', 'ours, one of inference-perf (also in a ConfigMap), or a ServeGen folder')
    .argument('<out>', 'trace to write, .arrow or .sqlite')
  return addFlags(command, SYNTH_FLAGS)
    .addHelpText('after', EXAMPLES)
    .action(async (config: string, out: string, raw: RawSynthOptions) => {
      const options = parseSynthOptions(raw)
      const model = withOptions(await readSynthSource(config, options), options)
      for (const note of model.notes) world.stderr.write(`note       ${note}\n`)
      const writer = await createTrace(out, synthHeader(model), { force: options.force })
      try {
        const count = await writeSynthetic(model, writer)
        await writer.finish()
        world.stdout.write(`${out}  ${plural(count, 'request')} · seed ${model.seed}\n`)
      } catch (error) {
        await writer.abandon()
        throw error
      }
    })
}
