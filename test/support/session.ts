/** A recording session inside the test's process, with its observers within the test's reach. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { startThread, type Worker } from '../../src/base/threads.ts'
import type { ObserverConfig } from '../../src/record/observer-config.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import type { RawRecordOptions } from '../../src/record/record-flags.ts'
import { RecordSession } from '../../src/record/record-session.ts'
import { rawOptions } from './recorder.ts'
import { testWorld } from './test-world.ts'
import { freePort } from './wire.ts'

export type SessionChanges = Readonly<{
  options?: Partial<RawRecordOptions>
  clock?: Clock
  /** @param nth 0 for the first observer */
  startObserver?: (config: ObserverConfig, nth: number) => Worker
}>

export async function startSession(upstreamPort: number, changes: SessionChanges = {}) {
  const { clock = systemClock, startObserver = startUsualObserver } = changes
  const directory = mkdtempSync(join(tmpdir(), 'trace-session-'))
  const port = await freePort()
  const options = parseRecordOptions(rawOptions(upstreamPort, port, directory, changes.options))
  const { world, said } = testWorld({ clock })
  const observers: Worker[] = []
  const session = new RecordSession(options, world, randomBytes(32), (config) => {
    const observer = startObserver(config, observers.length)
    observers.push(observer)
    return observer
  })
  await session.start()
  const remove = () => rmSync(directory, { recursive: true, force: true })
  return { session, port, directory, observers, said, remove }
}

function startUsualObserver(config: ObserverConfig): Worker {
  const from = new URL('../../src/record/record-session.ts', import.meta.url).href
  return startThread(from, './observe-worker', { workerData: config })
}
