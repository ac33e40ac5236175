/** `trace compare`: runs of A against runs of B, and what the gates decide. */
import { Command } from 'commander'
import { emitComparison } from '../report/emit-comparison.ts'
import { compareRuns } from '../report/comparison.ts'
import { parseGate } from '../report/gate.ts'
import { OUTPUT_FLAGS, Outputs, type RawOutputs } from '../report/outputs.ts'
import { splitSides } from '../report/sides-argument.ts'
import { reportFile } from '../report/report-file.ts'
import type { Report } from '../report/report.ts'
import { parseWindow, type RawWindow, WINDOW_FLAGS, type WindowWish } from '../report/window.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

type Raw = RawOutputs & RawWindow & { gate?: string[]; json?: true }

const EXAMPLES = `
Examples:
  $ trace compare prod/ vs tuesday.sqlite
  $ trace compare prod/ vs tuesday.sqlite --gate 'ttft.p50<+10%' --html ab.html
`

const { csv: _, ...FLAGS } = OUTPUT_FLAGS

export const compareCommand: Verb = (world, answer) => {
  const command = new Command('compare')
    .argument('<runs...>', "results of A, the word 'vs', results of B")
    .option('--json', 'the whole comparison as one JSON document')
  const gate = {
    flags: '--gate <change>',
    description: "may be repeated: 'ttft.p99<+10%', 'output_tokens>-5%'",
    isRepeatable: true,
  }
  return addFlags(command, { gate, ...WINDOW_FLAGS, ...FLAGS })
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], raw: Raw) => {
      const sides = splitSides(paths)
      const gates = (raw.gate ?? []).map(parseGate)
      const window = parseWindow(raw)
      const outputs = await Outputs.open(raw)
      try {
        const [a, b] = [await reportsOf(sides.a, window), await reportsOf(sides.b, window)]
        const comparison = compareRuns(a, b, gates, { names: [...sides.a, ...sides.b] })
        answer(await emitComparison(comparison, outputs, world, raw.json === true))
      } catch (error) {
        await outputs.abandon()
        throw error
      }
    })
}

async function reportsOf(paths: readonly string[], window: WindowWish | null): Promise<Report[]> {
  const reports: Report[] = []
  for (const path of paths) reports.push(await reportFile(path, { window }))
  return reports
}
