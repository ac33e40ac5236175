/** Hands a report to everyone who asked for it. Effects: writes files, stdout, a CI job's summary. */
import { EXIT } from '../base/errors.ts'
import { formatCount } from '../base/format.ts'
import type { World } from '../base/world.ts'
import { commandLine } from './command-line.ts'
import { reportCsv } from './csv.ts'
import { reportJunit } from './junit.ts'
import { reportMarkdown } from './markdown.ts'
import { type Outputs, tellGithub } from './outputs.ts'
import type { Otlp } from './otlp.ts'
import { formatReport } from './report-text.ts'
import type { Report } from './report.ts'

/**
 * @returns exit code: 98 for an INVALID run, 99 for a missed objective, 97 for one left open, else 0
 */
export async function emitReport(
  report: Report,
  outputs: Outputs,
  world: World,
  isJson: boolean,
): Promise<number> {
  const json = `${JSON.stringify(report, null, 2)}\n`
  await outputs.write(
    {
      jsonFile: () => json,
      // The chart library takes a third of a second to load: only for those who want a page.
      html: async () =>
        (await import('./report-page.ts')).reportPage(report, commandLine(world.argv)),
      markdown: () => reportMarkdown(report),
      junit: () => reportJunit(report),
      csv: () => reportCsv(report),
    },
    world.stderr,
  )
  world.stdout.write(isJson ? json : formatReport(report))
  const failed = report.verdict.checks.filter(({ status }) => status === 'fail')
  const missed = report.slo?.objectives.filter(({ met }) => met === false) ?? []
  await tellGithub(world, {
    markdown: reportMarkdown(report),
    problems: [...failed.map(({ says }) => says), ...missed.map(({ text }) => `missed ${text}`)],
    outputs: { verdict: report.verdict.status },
  })
  return exitCodeOf(report)
}

/** A bar that too few samples left open was not cleared. */
function exitCodeOf({ verdict, slo }: Report): number {
  if (verdict.status === 'INVALID') return EXIT.invalid
  const met = slo?.objectives.map((objective) => objective.met) ?? []
  if (met.includes(false)) return EXIT.threshold
  return met.includes(null) ? EXIT.inconclusive : EXIT.pass
}

/** @throws TraceError TARGET_DOWN; what else was asked for is written by then */
export async function sendSpans(otlp: Otlp | null, path: string, world: World): Promise<void> {
  if (otlp === null) return
  const spanCount = await otlp.send(path)
  world.stderr.write(`spans   ${formatCount(spanCount)} exported\n`)
}
