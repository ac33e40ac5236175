/** `trace report`: what a run measured, and whether to believe it. */
import { Command } from 'commander'
import { emitReport, sendSpans } from '../report/emit.ts'
import { Outputs } from '../report/outputs.ts'
import { reportFile } from '../report/report-file.ts'
import {
  parseReportOptions,
  type RawReportOptions,
  REPORT_FLAGS,
} from '../report/report-options.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

type Raw = RawReportOptions & { against?: string; json?: true }

const EXAMPLES = `
Examples:
  $ trace report tuesday.sqlite --against prod/ --slo 'ttft.p99<2s'
  $ trace report tuesday.sqlite --html tuesday.html --junit tuesday.xml
`

export const reportCommand: Verb = (world, answer) => {
  const command = new Command('report')
    .argument('<run>', 'trace of a replay, or any recording')
    .option('--against <trace>', 'the recording that it replays')
    .option('--json', 'the whole report as one JSON document')
  return addFlags(command, REPORT_FLAGS)
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, raw: Raw) => {
      const options = await parseReportOptions(raw)
      const outputs = await Outputs.open(raw)
      try {
        const report = await reportFile(path, { againstPath: raw.against, ...options })
        answer(await emitReport(report, outputs, world, raw.json === true))
        await sendSpans(options.otlp, path, world)
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}
