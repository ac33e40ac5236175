/** Hands a comparison to everyone who asked for it. Effects: writes files, stdout, a CI job's summary. */
import type { World } from '../base/world.ts'
import { formatComparison } from './comparison-text.ts'
import type { Comparison } from './comparison.ts'
import { comparisonJunit } from './junit.ts'
import { comparisonMarkdown } from './markdown.ts'
import { type Outputs, tellGithub } from './outputs.ts'

/** @returns exit code: 98, 99, 97 or 0, the worst first */
export async function emitComparison(
  comparison: Comparison,
  outputs: Outputs,
  world: World,
  json: boolean,
): Promise<number> {
  const document = `${JSON.stringify(comparison, null, 2)}\n`
  await outputs.write(
    {
      jsonFile: () => document,
      html: async () => (await import('./comparison-page.ts')).comparisonPage(comparison),
      markdown: () => comparisonMarkdown(comparison),
      junit: () => comparisonJunit(comparison),
    },
    world.stderr,
  )
  world.stdout.write(json ? document : formatComparison(comparison))
  await tellGithub(world, {
    markdown: comparisonMarkdown(comparison),
    problems: comparison.gates
      .filter(({ decision }) => decision === 'regression')
      .map(({ gate }) => `regression: ${gate}`),
    outputs: { exit_code: String(comparison.exit_code) },
  })
  return comparison.exit_code
}
