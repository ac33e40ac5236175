/**
 * The mirrors of deploy/ under a real nginx and a real Envoy: clients get the model's answers, the
 * recorder a copy of each request.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTrace } from '../../src/trace/open.ts'
import { complete, streamServer } from '../support/completions.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { freePort, wireClient } from '../support/wire.ts'

type Ports = Readonly<{ model: number; recorder: number; listen: number }>

type Mirror = Readonly<{
  program: string
  version: string[]
  /** The file as it is deployed, with the ports of this test. */
  configuration: (ports: Ports, folder: string) => string
  check: (path: string) => string[]
  run: (path: string) => string[]
}>

function deployed(name: string, changes: Readonly<Record<string, string>>): string {
  const file = new URL(`../../deploy/${name}`, import.meta.url)
  return Object.entries(changes).reduce(
    (text, [from, to]) => {
      expect(text).toContain(from)
      return text.replaceAll(from, to)
    },
    readFileSync(file, 'utf8'),
  )
}

const MIRRORS: readonly Mirror[] = [
  {
    program: 'nginx',
    version: ['-v'],
    configuration(ports, folder) {
      const text = deployed('nginx-mirror.conf', {
        '127.0.0.1:8000': `127.0.0.1:${ports.model}`,
        '127.0.0.1:9000': `127.0.0.1:${ports.recorder}`,
        'listen 8080': `listen ${ports.listen}`,
      })
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder}/temp;`)
        .join('\n')
      return (
        `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {}\n` +
        `http { access_log off;\n${paths}\n${text}\n}\n`
      )
    },
    check: (path) => ['-t', '-c', path],
    run: (path) => ['-c', path],
  },
  {
    program: process.env['TRACE_TEST_ENVOY'] ?? 'envoy',
    version: ['--version'],
    configuration: (ports) =>
      deployed('envoy-mirror.yaml', {
        'address: vllm, port_value: 8000': `address: 127.0.0.1, port_value: ${ports.model}`,
        'address: trace-record, port_value: 9000': `address: 127.0.0.1, port_value: ${ports.recorder}`,
        'port_value: 8080': `port_value: ${ports.listen}`,
      }),
    check: (path) => ['--mode', 'validate', '-c', path],
    run: (path) => ['-c', path, '--concurrency', '1', '--use-dynamic-base-id'],
  },
]

const isInstalled = ({ program, version }: Mirror) => spawnSync(program, version).status === 0

for (const mirror of MIRRORS) {
  const name = mirror.program.split('/').at(-1) ?? ''
  test.skipIf(!isInstalled(mirror))(
    `${name} sends the recorder a copy of each request, and the header says what that cannot see (needs ${name})`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'trace-mirror-'))
      mkdirSync(join(folder, 'temp'))
      const [model, shadow] = [await streamServer(), await streamServer()]
      const recorder = await startRecorder(shadow.port, { mirror: true })
      const listen = await freePort()
      const path = join(folder, 'mirror.yaml')
      const ports = { model: model.port, recorder: recorder.port, listen }
      writeFileSync(path, mirror.configuration(ports, folder))
      expect(spawnSync(mirror.program, mirror.check(path)).status).toBe(0)
      const child = spawn(mirror.program, mirror.run(path), { stdio: 'ignore' })
      const ended = new Promise((resolve) => child.once('exit', resolve))
      for (;;) {
        try {
          ;(await wireClient(listen)).destroy()
          break
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      const marks = [1, 2, 3, 4, 5]
      for (const mark of marks) {
        expect(await complete(wireClient, listen, mark)).toMatch(/^HTTP\/1.1 200 OK[^]*\[DONE\]/)
      }
      // Its first segment may not be there yet.
      const rows = async () => rowsOf(recorder.directory).catch(() => [])
      const seen = async () => (await rows()).map(({ maxTokens }) => maxTokens)
      while (new Set(await seen()).size < marks.length) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      child.kill('SIGTERM')
      await ended
      await recorder.stop()
      expect(new Set(await seen())).toEqual(new Set(marks))
      const reader = await openTrace(recorder.directory)
      expect(reader.header.capture.notes.join()).toContain('a mirrored copy')
      await reader.close()
      recorder.remove()
      await model.close()
      await shadow.close()
      rmSync(folder, { recursive: true })
    },
  )
}
