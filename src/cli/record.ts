/** `trace record`: the proxy that leaves a trace behind. */
import { Command } from 'commander'
import { adminCompanion } from '../live/admin.ts'
import { ADMIN_FLAGS, parseAdminOptions, type RawAdminOptions } from '../live/admin-options.ts'
import { capturePolicyText } from '../record/capture-policy.ts'
import { parseRecordOptions } from '../record/options.ts'
import { record } from '../record/record.ts'
import { type RawRecordOptions, RECORD_FLAGS } from '../record/record-flags.ts'
import { systemdCompanion } from '../study/systemd.ts'
import { addGroups } from './add-flags.ts'
import type { Verb } from './verbs.ts'

const GROUPS = {
  'Where:': ['upstream', 'listen', 'route', 'out', 'adminListen', 'adminTokenFile', 'metricsUrl'],
  'What is kept:': [
    'sessionBy',
    'tenantBy',
    'sample',
    'sampleBy',
    'askUsage',
    'tokenizer',
    'tokenizeRate',
    'blocks',
    'keyFile',
    'capturePolicy',
  ],
  'Segments of the recording:': ['rotateSize', 'rotateAge', 'keepSegments', 'keepAge', 'keepBytes'],
  'Running:': ['workers', 'drain', 'takeOver', 'requireRecording', 'mirror'],
  'TLS and proxies:': [
    'tlsCert',
    'tlsKey',
    'upstreamCa',
    'upstreamSni',
    'upstreamCert',
    'upstreamKey',
    'insecure',
    'proxyProtocol',
    'sendProxy',
  ],
  'Limits:': [
    'connectTimeout',
    'idleTimeout',
    'totalTimeout',
    'dialSilent',
    'maxConnections',
    'maxHead',
    'maxBody',
    'maxStream',
    'queueBytes',
    'queueRecords',
    'queueRows',
    'queueRowBytes',
  ],
} as const

export const recordCommand: Verb = (world, answer) =>
  addGroups(new Command('record'), { ...RECORD_FLAGS, ...ADMIN_FLAGS }, GROUPS)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ trace record --upstream http://gpu:8000 --listen 127.0.0.1:9000 --out prod/\n' +
        '  $ trace record --route 9000=http://a:8000 --route 9001=http://b:8000 --out ab/\n',
    )
    .action(async (raw: RawRecordOptions & RawAdminOptions) => {
      if (raw.capturePolicy === true) {
        world.stdout.write(capturePolicyText())
        return
      }
      const options = parseRecordOptions(raw)
      const ports = options.routes.map(({ listen }) => listen.port)
      const admin = parseAdminOptions(raw, options.directory, ports)
      const companions = [adminCompanion(admin, options.takesOver, world), systemdCompanion(world)]
      answer(await record(options, world, companions))
    })
