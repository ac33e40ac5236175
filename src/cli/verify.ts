/** `trace verify FILE`: whether the trace is whole, and who signed it. */
import { Command } from 'commander'
import { EXIT } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { areVerified, formatVerifications, verifyTraces } from '../share/sign.ts'
import { publicKeyOf } from '../share/signature.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

const FLAGS = {
  key: {
    flags: '--key <file>',
    description: 'public key in PEM that counts; without any, each good one does',
    isRepeatable: true,
  },
} as const

export const verifyCommand: Verb = (world, answer) =>
  addFlags(
    new Command('verify').argument('<trace>', 'trace file, or the folder of a recording'),
    FLAGS,
  )
    .addHelpText(
      'after',
      '\nExits with 0 where it is intact and signed (by a --key, if any is given), with\n' +
        '99 where it was changed, names no digest, or nobody who counts signed it.\n' +
        '\nExamples:\n' +
        '  $ trace verify partner.arrow\n' +
        '  $ trace verify partner.arrow --key ops.pem.pub\n',
    )
    .action(async (path: string, raw: { key?: string[] }) => {
      const pems = await Promise.all((raw.key ?? []).map((file) => readText('--key', file)))
      const trusted = pems.map((pem) => publicKeyOf('--key', pem))
      const hasTrusted = trusted.length > 0
      const verifications = await verifyTraces(path, trusted)
      world.stdout.write(formatVerifications(path, verifications, hasTrusted))
      if (!areVerified(verifications, hasTrusted)) answer(EXIT.threshold)
    })
