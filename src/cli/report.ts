/** `trace report`: what a run measured, and whether to believe it. */
import { Command } from 'commander'
import { EXIT } from '../base/errors.ts'
import { reportFile } from '../report/report-file.ts'
import { formatReport } from '../report/report-text.ts'
import type { Verb } from './verbs.ts'

export const reportCommand: Verb = (world, answer) =>
  new Command('report')
    .description('Shows what a run measured, and whether to believe it.')
    .argument('<run>', 'trace of a replay, or any recording')
    .option('--against <trace>', 'the recording that it replays')
    .option('--json', 'the whole report as one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace report tuesday.sqlite --against prod/\n' +
        '  $ trace report --json tuesday.sqlite\n',
    )
    .action(async (path: string, raw: { against?: string; json?: true }) => {
      const report = await reportFile(path, { againstPath: raw.against })
      world.stdout.write(raw.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report))
      if (report.verdict.status === 'INVALID') answer(EXIT.invalid)
    })
