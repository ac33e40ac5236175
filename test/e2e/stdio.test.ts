/** Output that nobody takes: a reader that has left, a full disk, a closed log; input that comes once. */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { spawnRecorder } from '../support/recorder-process.ts'
import { scratchFolder } from '../support/scratch.ts'
import { freePort, watch, wireClient, wireServer } from '../support/wire.ts'

const scratch = scratchFolder()
const cleanUps = cleanUpsOfEachTest()

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

test('a recorder whose log has nobody to read it goes on serving, and ends as it should', async () => {
  const server = await wireServer((socket) => socket.on('data', () => socket.end(ANSWER)))
  cleanUps.push(server.close)
  const recorder = await spawnRecorder(server.port, await freePort(), scratch('kept'))
  cleanUps.push(() => recorder.child.kill('SIGKILL'))
  // What it keeps is said once it hears signals.
  await vi.waitFor(() => expect(recorder.said()).toContain('keeps'), 20_000)
  recorder.child.stderr?.destroy()
  // Each of these says a line.
  for (let count = 0; count < 2; count += 1) {
    recorder.child.kill('SIGUSR2')
    const client = await wireClient(recorder.port)
    const { ended } = watch(client)
    client.write('GET /health HTTP/1.1\r\nHost: a\r\n\r\n')
    expect((await ended).bytes.toString()).toBe(ANSWER)
    client.destroy()
  }
  recorder.child.kill('SIGTERM')
  expect(await recorder.exited).toBe(0)
})

const hasFullDevice = existsSync('/dev/full')

test.skipIf(!hasFullDevice)('a full disk under standard output is one sentence', async () => {
  const command = 'exec "$0" bin/trace.js help inspect > /dev/full'
  const said = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile('/bin/sh', ['-c', command, process.execPath], (error, _stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stderr })
    })
  })
  expect(said).toEqual({ code: 1, stderr: 'trace: standard output cannot be written (ENOSPC)\n' })
})

test('a named pipe is read as a stream, and a trace in one is refused in a sentence', async () => {
  writeFileSync(scratch('a.csv'), 'arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,9,2\n')
  const run = (...words: string[]) => {
    const script = `mkfifo "$1" && (cat "$2" > "$1" &) && exec "$0" bin/trace.js ${words.join(' ')}`
    const input = words.includes('convert') ? scratch('a.csv') : 'fixtures/trace-v1.arrow'
    const [pipe, output] = [scratch(`${words[0]}.pipe`), scratch('b.arrow')]
    return new Promise<string>((resolve) => {
      const argv = ['-c', script, process.execPath, pipe, input, output]
      execFile('/bin/sh', argv, (_error, stdout, stderr) => resolve(stdout + stderr))
    })
  }
  expect(await run('convert', '"$1"', '"$3"')).toContain('1 request in 0 ms')
  expect(await run('inspect', '"$1"')).toContain('is a pipe, and a trace is read at any place')
})
