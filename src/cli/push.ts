/** `trace push FILE DEST`: a trace to a folder, a web server, S3 or an OCI registry. */
import { Command } from 'commander'
import { formatBytes } from '../base/format.ts'
import { pushTrace } from '../share/push.ts'
import { cardOf } from '../study/card-of.ts'
import type { Verb } from './verbs.ts'

type RawPush = { endpointUrl?: string; card?: true; force?: true }

export const pushCommand: Verb = (world) =>
  new Command('push')
    .argument('<trace>', 'trace file')
    .argument('<dest>', 'folder, http(s)://…, s3://BUCKET/KEY or oci://HOST/NAME:TAG')
    .option('--endpoint-url <url>', 'S3 server other than Amazon')
    .option('--card', 'put its card, as Markdown, beside it: ADDRESS.md, or in the same artifact')
    .option('--force', 'replace another file of that name in a folder')
    .addHelpText(
      'after',
      '\n{digest}, {timestamp} and {date} in DEST are filled in.\n\nExamples:\n' +
        "  $ trace push partner.arrow 's3://traces/2026/{date}/{digest}.arrow'\n" +
        '  $ trace push partner.arrow shelf/nightly-{digest}.arrow --card\n',
    )
    .action(async (path: string, destination: string, raw: RawPush) => {
      const { address, sha256, sizeBytes, wasThere, cardAddress } = await pushTrace(
        {
          path,
          destination,
          endpointUrl: raw.endpointUrl ?? null,
          isForced: raw.force === true,
          card: raw.card === true ? (await cardOf(path)).markdown : null,
        },
        world,
      )
      const state = wasThere ? ' · was there already' : ''
      world.stdout.write(`${address}  ${formatBytes(sizeBytes)} · sha256 ${sha256}${state}\n`)
      if (cardAddress !== null) world.stdout.write(`${cardAddress}  card\n`)
    })
