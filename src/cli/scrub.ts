/** `trace scrub IN OUT`: a copy that may leave the team; `--check` is the gate before it does. */
import { Command } from 'commander'
import { EXIT, TraceError } from '../base/errors.ts'
import {
  parsePolicy,
  parseScrubOptions,
  SCRUB_DEFAULTS,
  type RawScrubOptions,
} from '../share/options.ts'
import { checkTrace } from '../share/scrub-check.ts'
import { formatCheck, formatScrub } from '../share/scrub-text.ts'
import { scrubTrace } from '../share/scrub.ts'
import type { Verb } from './verbs.ts'

export const scrubCommand: Verb = (world, answer) =>
  new Command('scrub')
    .argument('<in>', 'trace file, or the directory of a recording')
    .argument('[out]', 'the copy, .sqlite or .arrow; not with --check')
    .option('--preset <name>', 'team, partner or public', SCRUB_DEFAULTS.preset)
    .option(
      '--k <count>',
      'partner: other tenants that must have a prefix before tenants share it (3)',
    )
    .option(
      '--recipient <tenant...>',
      "partner: the recipient's own tenants, which share with nobody, or 'none'; without it, no tenants share",
    )
    .option('--key-file <file>', 'key of 64 hex digits; traces scrubbed with it can be joined')
    .option('--check', 'write nothing; exit 99 if the trace says more than the preset allows')
    .option('--force', 'replace the output if it exists')
    .addHelpText(
      'after',
      '\nWhat each preset hides is in docs/privacy.md.\n\nExamples:\n' +
        '  $ trace scrub prod/ partner.arrow --preset partner\n' +
        '  $ trace scrub partner.arrow --check --preset partner\n',
    )
    .action(async (input: string, output: string | undefined, raw: RawScrubOptions) => {
      if (raw.check === true) {
        const policy = parsePolicy(raw)
        const violations = await checkTrace(input, policy)
        world.stdout.write(formatCheck(input, policy, violations))
        if (violations.length > 0) answer(EXIT.threshold)
        return
      }
      if (output === undefined)
        throw new TraceError('BAD_OPTION', 'scrub wants a name for the copy')
      world.stdout.write(formatScrub(await scrubTrace(await parseScrubOptions(input, output, raw))))
    })
