/** A clock that moves only when all work waits on it, so an hour of trace replays at once. */
import { setImmediate as settle } from 'node:timers/promises'
import type { Clock } from '../../src/base/clock.ts'

type Sleeper = { dueUs: number; wake: () => void }

export class VirtualClock implements Clock {
  #nowUs = 0
  #sleepers: Sleeper[] = []

  wallUs(): number {
    return this.#nowUs
  }

  nowUs(): number {
    return this.#nowUs
  }

  async sleepUntil(dueUs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (dueUs <= this.#nowUs) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    this.#sleepers.push({ dueUs, wake: resolve })
    await promise
  }

  /** Wakes sleepers in due order until `work` settles. Throws if `work` waits on anything else. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { settled: false }
    const settled = () => void (state.settled = true)
    work.then(settled, settled)
    for (await settle(); !state.settled; await settle()) {
      this.#sleepers.sort((a, b) => a.dueUs - b.dueUs)
      const next = this.#sleepers.shift()
      if (next === undefined) throw new Error('deadlock: work is pending and nobody is asleep')
      this.#nowUs = next.dueUs
      next.wake()
    }
    return work
  }
}
