/** `trace doctor`: what this machine can measure, and whether a target answers. */
import { Command } from 'commander'
import { doctor } from '../study/doctor.ts'
import { type RawDoctorOptions, parseDoctorOptions } from '../study/doctor-options.ts'
import type { Verb } from './verbs.ts'

export const doctorCommand: Verb = (world) =>
  new Command('doctor')
    .option('--target <url>', 'server to try')
    .option('--api-key-file <file>', 'key for it, on one line')
    .option('--tls-ca <file>', 'certificates to trust, PEM')
    .option('--tls-insecure', 'trust any certificate')
    .option('--json', 'the same as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace doctor\n  $ trace doctor --target http://127.0.0.1:8000\n',
    )
    .action(async (raw: RawDoctorOptions) => {
      await doctor(parseDoctorOptions(raw), world)
    })
