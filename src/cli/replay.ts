/** `trace replay`: sends a recorded load again and reports how it went. */
import { Command } from 'commander'
import { EXIT } from '../base/errors.ts'
import { LIVE_FLAGS, withRunView, parseLiveOptions, type RawLiveOptions } from '../live/run-view.ts'
import { parseReplayOptions, REPLAY_FLAGS, type RawReplayOptions } from '../replay/options.ts'
import { fidelityText } from '../replay/fidelity-text.ts'
import { emitReport, sendSpans } from '../report/emit.ts'
import { Outputs } from '../report/outputs.ts'
import { reportFile } from '../report/report-file.ts'
import {
  parseReportOptions,
  REPORT_FLAGS,
  type RawReportOptions,
} from '../report/report-options.ts'
import { parseWatchOptions, type RawWatchOptions, WATCH_FLAGS } from '../study/watch-options.ts'
import { watchedReplay } from '../study/watched-replay.ts'
import { parseWorkloadOptions, type RawWorkloadOptions } from '../workload/options.ts'
import { addFlags } from './add-flags.ts'
import { readPlan } from './read-plan.ts'
import type { Verb } from './verbs.ts'
import { addWorkloadFlags } from './workload-flags.ts'

type Raw = RawWorkloadOptions &
  RawReplayOptions &
  RawReportOptions &
  RawWatchOptions &
  RawLiveOptions & { json?: true }

const { target, mapModel, out, force, ...sending } = REPLAY_FLAGS

const EXAMPLES = `
Examples:
  $ trace replay prod/ --target http://vm:8000 --speed 2x --jitter 20ms --seed 7
  $ trace replay code.arrow --target http://vm:8000 --to 1m --map-model '*=tiny'
`

export const replayCommand: Verb = (world, answer) => {
  const command = new Command('replay').argument(
    '<trace>',
    'trace file, .sqlite or .arrow, or a recording',
  )
  addFlags(command.optionsGroup('Where to:'), { target, mapModel, out, force })
  addWorkloadFlags(command.optionsGroup('What is sent, and when:'))
  addFlags(command.optionsGroup('How it is sent:'), sending)
  addFlags(command.optionsGroup('While it runs:'), { ...WATCH_FLAGS, ...LIVE_FLAGS })
  addFlags(command.optionsGroup('How it is judged, and shown:'), REPORT_FLAGS)
  return command
    .option('--json', 'the whole report as one JSON document')
    .optionsGroup('')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, raw: Raw) => {
      const workload = parseWorkloadOptions(raw)
      const options = parseReplayOptions(raw)
      const reporting = await parseReportOptions(raw)
      const watching = parseWatchOptions(raw, reporting)
      const place = parseLiveOptions(raw)
      const outputs = await Outputs.open(raw)
      try {
        const plan = await readPlan(path, workload)
        const end = await withRunView(place, world, (view) =>
          watchedReplay(plan, options, watching, world, view),
        )
        world.stderr.write(`${fidelityText(end.fidelity)}\nresult  ${end.outPath}\n`)
        const calibration = end.calibration ?? reporting.calibration ?? null
        const report = await reportFile(end.outPath, {
          againstPath: path,
          ...reporting,
          calibration,
        })
        const verdict = await emitReport(report, outputs, world, raw.json === true)
        answer(end.exitCode === EXIT.pass ? verdict : end.exitCode)
        await sendSpans(reporting.otlp, end.outPath, world)
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}
