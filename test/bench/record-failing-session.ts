/**
 * A recorder in a process of its own that fails when it is told to; for the recorder's benchmark.
 * `node record-failing-session.ts UPSTREAM_PORT STATE FOLDER`; the states are in record-failing.ts.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startSession } from '../support/session.ts'
import type { FailingState, FromFailing, ToFailing } from './record-failing.ts'

const KILL_MS = 2_000
const FILLER_BYTES = 64_000_000

const [upstream = '', state = '', folder = ''] = process.argv.slice(2)
const directory = join(folder, 'recording')
const { session, port, observers } = await startSession(Number(upstream), {
  directory,
  options: state === 'queue full' ? { queueRecords: '10' } : {},
})
let killing: NodeJS.Timeout | undefined

/** What fails once, and stays so. */
const breaks: Partial<Record<FailingState, () => void>> = {
  'disk full': () => {
    try {
      writeFileSync(join(folder, 'filler'), Buffer.alloc(FILLER_BYTES))
    } catch {
      // No room is what was wanted.
    }
  },
  'folder gone': () => {
    rmSync(directory, { recursive: true })
    writeFileSync(directory, 'a file where the folder was')
  },
}

process.on('message', (message: ToFailing) => {
  if (message === 'break') breaks[state as FailingState]?.()
  if (message === 'begin' && state === 'observer killed') {
    killing = setInterval(() => void observers.at(-1)?.terminate(), KILL_MS)
  }
  if (message === 'rest') clearInterval(killing)
  tell()
})
process.on('disconnect', () => process.exit())
tell()

function tell(): void {
  const { degraded, unrecorded } = session.status()
  const { user, system } = process.cpuUsage()
  const ranUs = user + system
  const said: FromFailing = { port, degraded, unrecorded, observers: observers.length, ranUs }
  process.send?.(said)
}
