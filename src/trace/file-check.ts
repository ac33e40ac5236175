/**
 * Checks of SQLite files beside their reading: in a thread of its own, ended at its limit, so that a
 * damaged or hostile file cannot hold up the program. A small file is checked at once: that takes less
 * time than starting the thread, and no longer however it is damaged. Effects: starts a thread.
 */
import { statSync } from 'node:fs'
import { TraceError } from '../base/errors.ts'
import { startThread } from '../base/threads.ts'
import type { CheckVerdict } from './check-worker.ts'
import { quickCheck } from './quick-check.ts'

/** Checked in some ten milliseconds. */
const SMALL_BYTES = 4_194_304

/** quick_check passes some 200 MB a second; a file ten times slower than that is not sound. */
const CHECK_BASE_MS = 10_000
const CHECK_BYTES_PER_MS = 20_000

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
    const limit = AbortSignal.timeout(Math.ceil(CHECK_BASE_MS + totalBytes / CHECK_BYTES_PER_MS))
    this.#verdict = runCheck(large, AbortSignal.any([limit, this.#ending.signal]))
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

async function runCheck(paths: readonly string[], signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const thread = startThread(import.meta.url, './check-worker', { workerData: paths })
    let remaining = paths.length
    const end = (problem: string | null) => {
      resolve(problem)
      void thread.terminate()
    }
    thread.on('message', ({ problem }: CheckVerdict) => {
      remaining -= 1
      if (problem !== null || remaining === 0) end(problem)
    })
    thread.on('error', () => end('the check of an SQLite file failed'))
    signal.addEventListener('abort', () => end('the check of an SQLite file took too long'))
  })
}
