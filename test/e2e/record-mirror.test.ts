/** deploy/nginx-mirror.conf under a real nginx: clients get the model's answers, the recorder a copy of each request. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTrace } from '../../src/trace/open.ts'
import { complete, streamServer } from '../support/completions.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'
import { freePort, wireClient } from '../support/wire.ts'

const hasNginx = spawnSync('nginx', ['-v']).status === 0
const FILE = new URL('../../deploy/nginx-mirror.conf', import.meta.url)

/** The file as it is deployed, with the ports of this test. */
function configuration(ports: Readonly<Record<string, string>>, folder: string): string {
  const text = Object.entries(ports).reduce(
    (before, [deployed, place]) => before.replaceAll(deployed, place),
    readFileSync(FILE, 'utf8'),
  )
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/temp;`)
    .join('\n')
  return (
    `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {}\n` +
    `http { access_log off;\n${paths}\n${text}\n}\n`
  )
}

test.skipIf(!hasNginx)(
  'nginx sends the recorder a copy of each request, and the header says what that cannot see (needs nginx)',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trace-mirror-'))
    mkdirSync(join(folder, 'temp'))
    const [model, shadow] = [await streamServer(), await streamServer()]
    const recorder = await startRecorder(shadow.port, { mirror: true })
    const port = await freePort()
    const ports = {
      '127.0.0.1:8000': `127.0.0.1:${model.port}`,
      '127.0.0.1:9000': `127.0.0.1:${recorder.port}`,
      'listen 8080': `listen ${port}`,
    }
    const path = join(folder, 'nginx.conf')
    writeFileSync(path, configuration(ports, folder))
    expect(spawnSync('nginx', ['-t', '-c', path, '-p', folder]).status).toBe(0)
    const nginx = spawn('nginx', ['-c', path, '-p', folder], { stdio: 'ignore' })
    const ended = new Promise((resolve) => nginx.once('exit', resolve))
    for (;;) {
      try {
        ;(await wireClient(port)).destroy()
        break
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const marks = [1, 2, 3, 4, 5]
    for (const mark of marks) {
      expect(await complete(wireClient, port, mark)).toMatch(/^HTTP\/1.1 200 OK[^]*\[DONE\]/)
    }
    while (!(await rowsOf(recorder.directory)).some(({ maxTokens }) => maxTokens === 5)) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    nginx.kill('SIGQUIT')
    await ended
    await recorder.stop()
    const rows = await rowsOf(recorder.directory)
    expect(rows.map(({ maxTokens }) => maxTokens)).toEqual(marks)
    const reader = await openTrace(recorder.directory)
    expect(reader.header.capture.notes.join()).toContain('a mirrored copy')
    await reader.close()
    recorder.remove()
    await model.close()
    await shadow.close()
    rmSync(folder, { recursive: true })
  },
)
