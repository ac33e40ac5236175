/** `trace fit`: a configuration for `trace synth` that is like a recorded trace. */
import { Command } from 'commander'
import { EXIT } from '../base/errors.ts'
import { checkOutput, writeWhole } from '../base/files.ts'
import { formatYaml } from '../base/yaml.ts'
import { openTrace } from '../trace/open.ts'
import { formatFit } from '../workload/fit-text.ts'
import { fitTrace, isFit } from '../workload/fit-trace.ts'
import type { Verb } from './verbs.ts'

const EXAMPLES = `
Examples:
  $ trace fit prod/ prod.yaml
  $ trace fit tuesday.sqlite tuesday.yaml --json
`

export const fitCommand: Verb = (world, answer) =>
  new Command('fit')
    .argument('<trace>', 'file, or the directory of a recording')
    .argument('<config>', 'configuration to write')
    .option('--json', 'how near, as one JSON document')
    .option('--force', 'replace the configuration if it exists')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, config: string, raw: { json?: true; force?: true }) => {
      checkOutput(config, raw.force === true)
      const reader = await openTrace(path)
      try {
        const fit = await fitTrace(reader)
        await writeWhole(config, formatYaml(fit.config, ['pairs', 'values', 'weights', 'arrivals']))
        const { config: _, ...distances } = fit
        world.stdout.write(
          raw.json === true ? `${JSON.stringify(distances, null, 2)}\n` : formatFit(fit),
        )
        if (!isFit(fit)) answer(EXIT.threshold)
      } finally {
        await reader.close()
      }
    })
