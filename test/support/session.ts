/** A recording session inside the test's process, with its observers within the test's reach. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Worker } from '../../src/base/threads.ts'
import type { ObserverConfig } from '../../src/record/observer-config.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import type { RawRecordOptions } from '../../src/record/record-flags.ts'
import { RecordSession } from '../../src/record/record-session.ts'
import { USUAL_THREADS } from '../../src/record/session-threads.ts'
import { rawOptions } from './recorder.ts'
import { testWorld } from './test-world.ts'
import { freePort } from './wire.ts'

export type SessionChanges = Readonly<{
  options?: Partial<RawRecordOptions>
  clock?: Clock
  /** @param nth 0 for the first observer */
  startObserver?: (config: ObserverConfig, nth: number) => Worker
  directory?: string
}>

export async function startSession(upstreamPort: number, changes: SessionChanges = {}) {
  const { clock = systemClock, startObserver = USUAL_THREADS.observer } = changes
  const { directory = mkdtempSync(join(tmpdir(), 'trace-session-')) } = changes
  const port = await freePort()
  const options = parseRecordOptions(rawOptions(upstreamPort, port, directory, changes.options))
  const { world, said } = testWorld({ clock })
  const observers: Worker[] = []
  /** Threads that only relay, the latest last. */
  const relays: Worker[] = []
  const session = new RecordSession(options, world, randomBytes(32), {
    observer(config) {
      const observer = startObserver(config, observers.length)
      observers.push(observer)
      return observer
    },
    relay(work) {
      const relay = USUAL_THREADS.relay(work)
      relays.push(relay)
      return relay
    },
  })
  await session.start()
  const remove = () => rmSync(directory, { recursive: true, force: true })
  return { session, port, directory, observers, relays, said, remove }
}
