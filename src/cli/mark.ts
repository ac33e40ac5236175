/** `trace mark`: leaves a mark in a running recording. */
import { Command } from 'commander'
import { parseUrl } from '../base/parse.ts'
import { askAdmin } from '../live/admin-client.ts'
import type { Verb } from './verbs.ts'

type RawMarkOptions = Readonly<{ admin: string; tokenFile: string }>

export const markCommand: Verb = (world) =>
  new Command('mark')
    .argument('<text>', 'what happened')
    .option('--admin <url>', "the recorder's admin address", 'http://127.0.0.1:9001')
    .option(
      '--token-file <file>',
      'its token, NAME.admin-token beside the recording',
      'recording.admin-token',
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        "  $ trace mark 'deploy 42' --token-file prod.admin-token\n" +
        "  $ trace mark 'scaled to 4' --admin http://10.0.0.5:9001 --token-file token\n",
    )
    .action(async (text: string, raw: RawMarkOptions) => {
      await askAdmin(parseUrl('--admin', raw.admin), raw.tokenFile, '/mark', { text })
      world.stderr.write('marked\n')
    })
