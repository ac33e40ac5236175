/** Rings at an absolute instant, never early, while the thread's sockets keep being served. Effects: timers. */
import { pause, type Clock } from '../base/clock.ts'

export interface Alarm {
  /** Asks for a ring at this instant. An earlier instant that was asked for before stays. */
  set(atUs: number): void
  /** No ring after this. */
  stop(): void
}

export const PACINGS = ['precise', 'frugal'] as const
export type Pacing = (typeof PACINGS)[number]

export type MakeAlarm = (ring: () => void) => Alarm

/** Timers are up to 1 ms late and come in whole ms: the last stretch is polled, I/O between. */
const POLLED_TAIL_US = 2_000

/** @returns an alarm over this thread's timers; frugal never polls and is up to a millisecond late */
export function systemAlarm(clock: Clock, pacing: Pacing): MakeAlarm {
  return (ring) => new TimerAlarm(clock, pacing === 'precise' ? POLLED_TAIL_US : 0, ring)
}

/**
 * Who polls without a break is soon put behind everyone else by the scheduler of a busy machine, and
 * is then late when it counts. So most of the tail is slept, in slices short enough for sockets.
 */
const DOZE_US = 200
const DOZE_UNTIL_US = 250

const neverNotified = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

function doze(us: number): void {
  Atomics.wait(neverNotified, 0, 0, us / 1_000)
}

class TimerAlarm implements Alarm {
  readonly #clock: Clock
  readonly #tailUs: number
  readonly #ring: () => void
  #atUs = Number.POSITIVE_INFINITY
  /** When the earliest timer that runs will wake us. */
  #timerAtUs = Number.POSITIVE_INFINITY
  #isPolling = false

  constructor(clock: Clock, tailUs: number, ring: () => void) {
    this.#clock = clock
    this.#tailUs = tailUs
    this.#ring = ring
  }

  set(atUs: number): void {
    if (atUs >= this.#atUs) return
    this.#atUs = atUs
    if (!this.#isPolling) this.#wait()
  }

  stop(): void {
    this.#atUs = Number.POSITIVE_INFINITY
  }

  #wait(): void {
    const coarseUs = this.#atUs - this.#tailUs - this.#clock.nowUs()
    if (coarseUs <= 0) {
      this.#isPolling = true
      setImmediate(this.#poll)
      return
    }
    const wakeAtUs = this.#atUs - this.#tailUs
    if (wakeAtUs >= this.#timerAtUs) return
    this.#timerAtUs = wakeAtUs
    void this.#sleep(coarseUs, wakeAtUs)
  }

  async #sleep(coarseUs: number, wakeAtUs: number): Promise<void> {
    await pause(coarseUs)
    if (this.#timerAtUs === wakeAtUs) this.#timerAtUs = Number.POSITIVE_INFINITY
    if (!this.#isPolling && this.#atUs !== Number.POSITIVE_INFINITY) this.#wait()
  }

  readonly #poll = (): void => {
    const leftUs = this.#atUs - this.#clock.nowUs()
    if (leftUs > this.#tailUs) {
      this.#isPolling = false
      if (this.#atUs !== Number.POSITIVE_INFINITY) this.#wait()
      return
    }
    if (leftUs > 0) {
      if (leftUs > DOZE_UNTIL_US) doze(Math.min(leftUs - DOZE_UNTIL_US, DOZE_US))
      setImmediate(this.#poll)
      return
    }
    this.#isPolling = false
    this.#atUs = Number.POSITIVE_INFINITY
    this.#ring()
  }
}

/** An alarm over any clock: what tests on virtual time use. */
export function clockAlarm(clock: Clock): MakeAlarm {
  return (ring) => {
    const state = { dueUs: Number.POSITIVE_INFINITY }
    const wait = async (atUs: number) => {
      await clock.sleepUntil(atUs)
      if (state.dueUs !== atUs) return
      state.dueUs = Number.POSITIVE_INFINITY
      ring()
    }
    return {
      set(atUs) {
        if (atUs >= state.dueUs) return
        state.dueUs = atUs
        void wait(atUs)
      },
      stop() {
        state.dueUs = Number.POSITIVE_INFINITY
      },
    }
  }
}
