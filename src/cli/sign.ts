/** `trace sign FILE`: an Ed25519 signature inside the trace. */
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import { readText, refuseExisting, writeWhole } from '../base/files.ts'
import { signTrace } from '../share/sign.ts'
import { newKeyPair, privateKeyOf } from '../share/signature.ts'
import type { Verb } from './verbs.ts'

const PRIVATE_MODE = 0o600

export const signCommand: Verb = (world) =>
  new Command('sign')
    .argument('[trace]', 'trace file; it is written anew and keeps its digest')
    .option('--key <file>', 'Ed25519 private key in PEM')
    .option('--new-key <file>', 'make a key, and FILE.pub beside it, before anything else')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ trace sign --new-key ops.pem\n' +
        '  $ trace sign partner.arrow --key ops.pem\n',
    )
    .action(async (path: string | undefined, raw: { key?: string; newKey?: string }) => {
      if (raw.newKey !== undefined) {
        refuseExisting(raw.newKey, false, 'A key is never replaced: name another file.')
        const { privatePem, publicPem, keyId } = newKeyPair()
        await writeWhole(raw.newKey, privatePem, PRIVATE_MODE)
        await writeWhole(`${raw.newKey}.pub`, publicPem)
        world.stdout.write(`${raw.newKey}  key ${keyId} · give away ${raw.newKey}.pub\n`)
      }
      if (path === undefined) return
      const keyPath = raw.key ?? raw.newKey
      if (keyPath === undefined) throw new TraceError('BAD_OPTION', 'sign wants --key or --new-key')
      const key = privateKeyOf(
        '--key',
        await readText('--key', keyPath, '`trace sign --new-key FILE` makes one.'),
      )
      world.stdout.write(`${path}  signed with key ${await signTrace(path, key)}\n`)
    })
