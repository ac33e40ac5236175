/** `trace record`: the proxy that leaves a trace behind. */
import { Command } from 'commander'
import { parseRecordOptions, type RawRecordOptions, RECORD_DEFAULTS } from '../record/options.ts'
import { record } from '../record/record.ts'
import type { Verb } from './verbs.ts'

export const recordCommand: Verb = (world, answer) =>
  new Command('record')
    .description('Stands in front of a server, passes bytes on unchanged, and records their sizes.')
    .option('--upstream <url>', 'server to stand in front of, without a path')
    .option('--listen <host:port>', 'where clients connect', RECORD_DEFAULTS.listen)
    .option('--out <directory>', 'recording; one that exists goes on', RECORD_DEFAULTS.out)
    .option(
      '--drain <duration>',
      'at the end, let streams finish for so long',
      RECORD_DEFAULTS.drain,
    )
    .option(
      '--connect-timeout <duration>',
      'for the upstream to accept',
      RECORD_DEFAULTS.connectTimeout,
    )
    .option(
      '--idle-timeout <duration>',
      'cut a connection without bytes; 0: never',
      RECORD_DEFAULTS.idleTimeout,
    )
    .option(
      '--total-timeout <duration>',
      'cut a connection that old; 0: never',
      RECORD_DEFAULTS.totalTimeout,
    )
    .option('--max-connections <count>', 'more are refused', RECORD_DEFAULTS.maxConnections)
    .option('--max-head <size>', 'longer heads pass unread', RECORD_DEFAULTS.maxHead)
    .option('--max-body <size>', 'of a body, so much is looked at', RECORD_DEFAULTS.maxBody)
    .option('--max-stream <size>', 'of a streamed answer, so much', RECORD_DEFAULTS.maxStream)
    .option(
      '--queue-bytes <size>',
      'waiting for the observer; more is not recorded',
      RECORD_DEFAULTS.queueBytes,
    )
    .option('--queue-records <count>', 'the same, in reads', RECORD_DEFAULTS.queueRecords)
    .option(
      '--queue-rows <count>',
      'waiting for the disk; more is not recorded',
      RECORD_DEFAULTS.queueRows,
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ trace record --upstream http://127.0.0.1:8000 --listen 127.0.0.1:9000 --out prod/\n' +
        '  $ trace record --upstream http://vllm:8000 --listen 0.0.0.0:9000 --drain 2m\n',
    )
    .action(async (raw: RawRecordOptions) => {
      answer(await record(parseRecordOptions(raw), world))
    })
