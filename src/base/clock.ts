/**
 * Time, as the rest of the program is allowed to see it.
 *
 * Every duration in this program is an integer number of microseconds, in a name that ends in `Us`.
 * Effects: `systemClock` reads the monotonic and the wall clock and sets timers.
 */
import { setTimeout as sleep, setImmediate as yieldTurn } from 'node:timers/promises'

export interface Clock {
  /** µs on a clock that never steps back, the same in all threads and processes of one machine. */
  nowUs(): number
  /** µs since 1970 by the wall clock, which may step. */
  wallUs(): number
  /** Resolves once `nowUs() >= dueUs`, never early; rejects with an AbortError if the signal aborts. */
  sleepUntil(dueUs: number, signal?: AbortSignal): Promise<void>
}

/** Node's timers are up to a millisecond early or late, so the last stretch is polled instead. */
const POLLED_TAIL_US = 2_000

/** Of the offset between the two clocks, at the start of each thread. */
const ORIGIN_READINGS = 10

/** A longer timeout overflows to 1 ms, so a long sleep is made of several. */
const MAX_TIMEOUT_MS = 2_147_000_000

/**
 * performance.now() is cheap but counts from this thread's start; hrtime is the same in every thread
 * and process but makes a BigInt. Both read the same monotonic clock, so one offset joins them.
 */
const threadOriginUs = readOrigin()

/** The two clocks are read together a few times: the tightest pair was not interrupted between them. */
function readOrigin(): number {
  let tightest = Infinity
  let originUs = 0
  for (let reading = 0; reading < ORIGIN_READINGS; reading += 1) {
    const before = performance.now()
    const monotonicUs = Number(process.hrtime.bigint()) / 1_000
    const after = performance.now()
    if (after - before >= tightest) continue
    tightest = after - before
    originUs = monotonicUs - ((before + after) / 2) * 1_000
  }
  return originUs
}

/** Wall clock minus monotonic clock, µs; corrected whenever the wall clock disagrees. */
let wallMinusUs = performance.timeOrigin * 1_000 - threadOriginUs

/**
 * Date.now() counts whole milliseconds, so each reading only bounds the difference between the clocks.
 * Kept within those bounds, it is finer than a millisecond and still follows every step.
 */
function readWallUs(): number {
  const beforeUs = systemClock.nowUs()
  const wallUs = Date.now() * 1_000
  const afterUs = systemClock.nowUs() + 1
  wallMinusUs = Math.min(Math.max(wallMinusUs, wallUs - afterUs), wallUs + 1_000 - beforeUs)
  return Math.round(beforeUs + wallMinusUs)
}

export const systemClock: Clock = {
  nowUs: () => Math.floor(threadOriginUs + performance.now() * 1_000),

  wallUs: readWallUs,

  async sleepUntil(dueUs, signal) {
    for (;;) {
      const coarseMs = Math.floor((dueUs - this.nowUs() - POLLED_TAIL_US) / 1_000)
      if (coarseMs < 1) break
      await sleep(Math.min(coarseMs, MAX_TIMEOUT_MS), undefined, { signal })
    }
    while (this.nowUs() < dueUs) await yieldTurn(undefined, { signal })
  },
}

/** Sleeps about this long, for waits whose exact end does not matter. Never spins. */
export async function pause(waitUs: number, signal?: AbortSignal): Promise<void> {
  const waitMs = Math.max(0, Math.ceil(waitUs / 1_000))
  await sleep(Math.min(waitMs, MAX_TIMEOUT_MS), undefined, { signal })
}

/** Lets timers, signals and other threads' messages through in the middle of long work. */
export async function nextTurn(): Promise<void> {
  await yieldTurn()
}
