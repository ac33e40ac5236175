/**
 * Checks of SQLite files beside their reading: in a thread of its own, ended at its limit, so that a
 * damaged or hostile file cannot hold up the program. A small file is checked at once: that takes less
 * time than starting the thread, and no longer however it is damaged. Effects: starts a thread.
 */
import { statSync } from 'node:fs'
import { pause } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { startThread } from '../base/threads.ts'
import type { CheckVerdict } from './check-worker.ts'
import { quickCheck } from './quick-check.ts'

/** Checked in some ten milliseconds. */
const SMALL_BYTES = 4_194_304

/** quick_check passes some 200 MB a second; a file ten times slower than that is not sound. */
const CHECK_BASE_TICKS = 40
const CHECK_BYTES_PER_TICK = 5_000_000
/**
 * The limit counts turns of this thread's loop: while the thread is busy reading it could not hear the
 * answer, and must not take that for the other's delay.
 */
const TICK_US = 250_000

export class FileCheck {
  readonly #verdict: Promise<string | null>
  readonly #ending = new AbortController()

  constructor(paths: readonly string[]) {
    const small = paths.filter((path) => statSync(path).size <= SMALL_BYTES)
    const large = paths.filter((path) => !small.includes(path))
    const problem = small.reduce<string | null>((found, path) => found ?? quickCheck(path), null)
    if (problem !== null || large.length === 0) {
      this.#verdict = Promise.resolve(problem)
      return
    }
    const totalBytes = large.reduce((sum, path) => sum + statSync(path).size, 0)
    const maxTicks = CHECK_BASE_TICKS + totalBytes / CHECK_BYTES_PER_TICK
    this.#verdict = runCheck(large, maxTicks, this.#ending)
  }

  /** Waits for the end of the check. @throws TraceError TRACE_UNREADABLE if a file is not sound */
  async passed(): Promise<void> {
    const problem = await this.#verdict
    if (problem !== null) throw new TraceError('TRACE_UNREADABLE', problem)
  }

  /** Ends a check whose answer nobody waits for. */
  stop(): void {
    this.#ending.abort()
  }
}

async function runCheck(
  paths: readonly string[],
  maxTicks: number,
  ending: AbortController,
): Promise<string | null> {
  const thread = startThread(import.meta.url, './check-worker', { workerData: paths })
  const answer = new Promise<string | null>((resolve) => {
    let remaining = paths.length
    thread.on('message', ({ problem }: CheckVerdict) => {
      remaining -= 1
      if (problem !== null || remaining === 0) resolve(problem)
    })
    thread.on('error', () => resolve('the check of an SQLite file failed'))
  })
  const verdict = await Promise.race([answer, limit(maxTicks, ending.signal)])
  ending.abort()
  // Not waited for: a thread inside SQLite ends only once SQLite returns.
  void thread.terminate()
  return verdict
}

async function limit(maxTicks: number, signal: AbortSignal): Promise<string> {
  try {
    for (let tick = 0; tick < maxTicks; tick += 1) await pause(TICK_US, signal)
    return 'the check of an SQLite file took too long'
  } catch {
    return 'the check of an SQLite file was ended'
  }
}
