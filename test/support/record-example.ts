/**
 * Records the example trace in `traces/`: the tour's made-up users in front of a real server.
 *
 *     node test/support/record-example.ts http://127.0.0.1:8000 traces/tour-vllm-cpu.arrow
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { playUsers } from '../../src/study/demo-clients.ts'
import { demoTraffic } from '../../src/study/demo-traffic.ts'

const [upstream = '', out = '', seed = '7'] = process.argv.slice(2)
const DURATION_US = 120_000_000
const LISTEN = '127.0.0.1:9008'

const folder = mkdtempSync(join(tmpdir(), 'trace-example-'))
const program = resolve('bin/trace.js')
const recording = join(folder, 'recording')
const recorder = spawn(
  process.execPath,
  [
    program,
    'record',
    '--upstream',
    upstream,
    '--listen',
    LISTEN,
    '--out',
    recording,
    '--admin-listen',
    'off',
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
)
const baseUrl = `http://${LISTEN}`
const isUp = () =>
  fetch(`${baseUrl}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
while (!(await isUp())) await new Promise((wake) => setTimeout(wake, 100))

const users = demoTraffic(seed, DURATION_US)
const tally = await playUsers(
  users,
  { baseUrl, durationUs: DURATION_US },
  systemClock,
  new AbortController().signal,
)
process.stderr.write(`${JSON.stringify(tally)}\n`)
recorder.kill('SIGINT')
await once(recorder, 'exit')
const { status } = spawnSync(process.execPath, [program, 'convert', recording, out, '--force'], {
  stdio: 'inherit',
})
rmSync(folder, { recursive: true, force: true })
process.exitCode = status ?? 1
