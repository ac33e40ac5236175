/** `trace record`: the proxy that leaves a trace behind. */
import { Command } from 'commander'
import { parseRecordOptions } from '../record/options.ts'
import { record } from '../record/record.ts'
import { type RawRecordOptions, RECORD_FLAGS } from '../record/record-flags.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

export const recordCommand: Verb = (world, answer) =>
  addFlags(new Command('record'), RECORD_FLAGS)
    .description('Stands in front of a server, passes bytes on unchanged, and records their sizes.')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ trace record --upstream http://127.0.0.1:8000 --listen 127.0.0.1:9000 --out prod/\n' +
        '  $ trace record --route 9000=http://a:8000 --route 9001=http://b:8000 --out prod/\n',
    )
    .action(async (raw: RawRecordOptions) => {
      answer(await record(parseRecordOptions(raw), world))
    })
