/** `trace inspect`: what is in a trace. */
import { basename } from 'node:path'
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import {
  INSPECT_FLAGS,
  parseInspectOptions,
  type RawInspectOptions,
} from '../report/inspect-options.ts'
import { formatDrift, formatInspection, warningText } from '../report/inspection-text.ts'
import { type Inspection, inspectTrace } from '../report/inspection.ts'
import { OUTPUT_FLAGS, Outputs } from '../report/outputs.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import type { TraceReader } from '../trace/trace.ts'
import { driftText } from '../workload/drift-text.ts'
import type { World } from '../base/world.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

type Raw = RawInspectOptions & { json?: true; digest?: true; drift?: true | string; html?: string }

const EXAMPLES = `
Examples:
  $ trace inspect prod/ --cache-size 1M
  $ trace inspect --json tuesday.sqlite
`

export const inspectCommand: Verb = (world) => {
  const command = new Command('inspect')
    .argument('<trace>', 'file, or the directory of a recording')
    .option('--json', 'all figures as one JSON document')
    .option('--digest', 'only the digest of its rows: equal in both containers')
    .option('--drift [other]', 'where the traffic changes, or how it differs from another trace')
  return addFlags(command, { ...INSPECT_FLAGS, html: OUTPUT_FLAGS.html })
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, raw: Raw) => {
      const question = parseInspectOptions(raw)
      if (raw.json && raw.drift !== undefined) {
        throw new TraceError('BAD_OPTION', '--drift is told in words: leave --json out')
      }
      if (raw.digest && (raw.json || raw.html !== undefined || raw.drift !== undefined)) {
        throw new TraceError('BAD_OPTION', '--digest is all that is said: leave the others out')
      }
      const reader = await openTrace(path)
      let outputs: Outputs | null = null
      try {
        if (raw.digest) {
          world.stdout.write(`${await rowDigest(reader)}\n`)
          return
        }
        outputs = await Outputs.open(raw.html === undefined ? {} : { html: raw.html })
        const inspection = await inspectTrace(reader, raw.cacheSize ? question : null)
        world.stderr.write(warningText(inspection))
        await outputs.write(
          {
            html: async () =>
              (await import('../report/inspection-page.ts')).inspectionPage(
                inspection,
                basename(path),
              ),
          },
          world.stderr,
        )
        if (raw.json) world.stdout.write(`${JSON.stringify(inspection, null, 2)}\n`)
        else world.stdout.write(formatInspection(inspection))
        if (raw.drift !== undefined) await showDrift(world, reader, inspection, raw.drift)
      } catch (error) {
        await outputs?.abandon()
        throw error
      } finally {
        await reader.close()
      }
    })
}

async function showDrift(
  world: World,
  reader: TraceReader,
  inspection: Inspection,
  other: true | string,
): Promise<void> {
  world.stdout.write(formatDrift(inspection))
  const against = other === true ? null : await openTrace(other)
  try {
    world.stdout.write(await driftText(reader, against, inspection.arrivals.n))
  } finally {
    await against?.close()
  }
}
