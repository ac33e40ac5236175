/** `trace demo`: the whole tour in under a minute. */
import { Command } from 'commander'
import { demo } from '../study/demo.ts'
import { DEMO_DEFAULTS, type RawDemoOptions, parseDemoOptions } from '../study/demo-options.ts'
import type { Verb } from './verbs.ts'

export const demoCommand: Verb = (world, answer) =>
  new Command('demo')
    .option('--out <directory>', 'new folder for the files; without it, trace-demo here')
    .option('--seed <text>', 'same seed, same users', DEMO_DEFAULTS.seed)
    .option('--duration <duration>', 'of live traffic', DEMO_DEFAULTS.duration)
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace demo\n  $ trace demo --seed 12 --duration 10s --out tour\n',
    )
    .action(async (raw: RawDemoOptions) => {
      answer(await demo(parseDemoOptions(raw), world))
    })
