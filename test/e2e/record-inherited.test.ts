/** Recorders that accept, one after another, from one listening socket that somebody else holds open. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { parseRecordOptions } from '../../src/record/options.ts'
import { withInherited } from '../../src/record/inherited.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { askOverAndOver, streamServer } from '../support/completions.ts'
import { gapsOf, rawOptions, rowsOf } from '../support/recorder.ts'

/** How often the next one takes over. */
const CHANGES = Number(process.env['TRACE_TEST_CHANGES'] ?? 2)
const CLIENTS = 8
const hasPython = spawnSync('python3', ['--version']).status === 0

/** What systemd does: it listens, and each line of words is started with that socket as its third. */
const HOLDER = `
import json, os, signal, socket, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
held = socket.socket()
held.bind(('127.0.0.1', 0))
held.listen(4096)
os.dup2(held.fileno(), 3, inheritable=True) if held.fileno() != 3 else os.set_inheritable(3, True)
print(held.getsockname()[1], flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        words = json.loads(line)
        os.execv(words[0], words)
    print(child, flush=True)
`

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function startHolder() {
  const child = spawn('python3', ['-c', HOLDER], { stdio: ['pipe', 'pipe', 'pipe'] })
  cleanUps.push(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextNumber = async () => Number((await lines.next()).value)
  return {
    nextNumber,
    said: () => said,
    async start(words: readonly string[]): Promise<number> {
      child.stdin.write(`${JSON.stringify([process.execPath, ...words])}\n`)
      const started = await nextNumber()
      cleanUps.push(() => isAlive(started) && process.kill(started, 'SIGKILL'))
      return started
    },
  }
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0)
  } catch {
    return false
  }
}

test.skipIf(!hasPython)(
  'a recorder takes over a socket that was passed on while the old one drains: no connection is lost (needs python3)',
  { timeout: 30_000 + CHANGES * 10_000 },
  async () => {
    const server = await streamServer(5)
    const directory = mkdtempSync(join(tmpdir(), 'trace-inherited-'))
    cleanUps.push(server.close, () => rmSync(directory, { recursive: true }))
    const holder = startHolder()
    const port = await holder.nextNumber()
    const start = async (nth: number): Promise<number> => {
      const words = ['bin/trace.js', 'record', '--take-over', '--admin-listen=off']
      const place = [`--upstream=http://127.0.0.1:${server.port}`, `--listen=127.0.0.1:${port}`]
      const rest = [`--out=${directory}`, '--metrics-url=off', '--tokenize-rate=0']
      const started = await holder.start([...words, ...place, ...rest])
      while ((holder.said().match(/keeps /g) ?? []).length < nth) await wait(10)
      return started
    }
    let current = await start(1)
    const stopAsking = askOverAndOver(CLIENTS, port)
    for (let change = 1; change <= CHANGES; change += 1) {
      const segment = join(directory, `${String(change).padStart(6, '0')}.sqlite`)
      while (!existsSync(segment)) await wait(20)
      const next = await start(change + 1)
      process.kill(current, 'SIGTERM')
      while (isAlive(current)) await wait(20)
      current = next
    }
    const { served, failures } = await stopAsking()
    process.kill(current, 'SIGTERM')
    while (isAlive(current)) await wait(20)
    console.log(`${served} connections in ${CHANGES} changes, ${failures.length} failed`)
    expect(failures).toEqual([])
    expect(await gapsOf(directory)).toEqual([])
    expect((await rowsOf(directory)).length).toBe(served)
    rmSync(`${directory}.key`, { force: true })
  },
)

test('sockets are for the process that they were passed on to, one for each route, and one thread', () => {
  const options = parseRecordOptions(rawOptions(1, 2, 'out'))
  const socketsOf = (env: Record<string, string>, given = options) =>
    withInherited(given, env, 7).routes.map(({ socket }) => socket)
  expect(socketsOf({})).toEqual([null])
  expect(socketsOf({ LISTEN_FDS: '1', LISTEN_PID: '8' })).toEqual([null])
  expect(socketsOf({ LISTEN_FDS: '1', LISTEN_PID: '7' })).toEqual([3])
  expect(() => socketsOf({ LISTEN_FDS: '2', LISTEN_PID: '7' })).toThrow(
    '2 listening sockets were passed on for 1 routes',
  )
  const many = { ...options, workers: 2 }
  expect(() => socketsOf({ LISTEN_FDS: '1', LISTEN_PID: '7' }, many)).toThrow('--workers')
})
