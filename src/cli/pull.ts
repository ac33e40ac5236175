/** `trace pull SRC [FILE]`: fetches a trace, resuming what was cut, and checks its digest. */
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import { formatBytes } from '../base/format.ts'
import { pullTrace, type Pulled } from '../share/pull.ts'
import type { Verb } from './verbs.ts'

type RawPull = { endpointUrl?: string; digest?: string; force?: true }

export const pullCommand: Verb = (world) =>
  new Command('pull')
    .argument('<src>', 'file, http(s)://…, s3://BUCKET/KEY or oci://HOST/NAME:TAG')
    .argument('[file]', 'where to; without it the remote name, here')
    .option('--digest <sha256>', 'what the file must have, 64 hex digits')
    .option('--endpoint-url <url>', 'S3 server other than Amazon')
    .option('--force', 'replace the file if it exists')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ trace pull shelf/nightly.arrow nightly.arrow\n' +
        '  $ trace pull s3://traces/nightly.arrow nightly.arrow\n',
    )
    .action(async (source: string, output: string | undefined, raw: RawPull) => {
      const pulled = await pullTrace(
        {
          source,
          output: output ?? null,
          sha256: digestOf(raw.digest),
          endpointUrl: raw.endpointUrl ?? null,
          isForced: raw.force === true,
        },
        world,
      )
      world.stdout.write(`${pulled.path}  ${formatBytes(pulled.sizeBytes)} · ${sayHow(pulled)}\n`)
    })

function sayHow({ sha256, wasCached, resumedBytes, isPromised }: Pulled): string {
  const check = isPromised ? 'as promised' : 'nobody promised it: compare it yourself'
  const how = wasCached ? ' · from the cache' : ''
  const rest = resumedBytes > 0 ? ` · resumed after ${formatBytes(resumedBytes)}` : ''
  return `sha256 ${sha256} ${check}${how}${rest}`
}

function digestOf(text: string | undefined): string | null {
  if (text === undefined) return null
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new TraceError('BAD_OPTION', `--digest wants 64 hexadecimal digits, got '${text}'`)
}
