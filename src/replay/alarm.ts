/** Rings at absolute instants, never early, while the thread's sockets keep being served. Effects: timers. */
import { pause, type Clock } from '../base/clock.ts'
import type { Metronome } from './metronome.ts'

export interface Alarm {
  /** Asks for a ring at this instant. An earlier instant that was asked for before stays. */
  set(atUs: number): void
  /** The same for what may happen some milliseconds late. */
  setAbout(atUs: number): void
  /** No ring after this. */
  stop(): void
}

export const PACINGS = ['precise', 'frugal'] as const
export type Pacing = (typeof PACINGS)[number]

export type MakeAlarm = (ring: () => void) => Alarm

/** What is so near is polled: I/O between, and nobody else has to be woken for it. */
const POLLED_US = 250

/** @param metronome null: timers alone, whose rings are up to two milliseconds late */
export function systemAlarm(clock: Clock, metronome: Metronome | null): MakeAlarm {
  return (ring) => new SystemAlarm(clock, metronome, ring)
}

class SystemAlarm implements Alarm {
  readonly #clock: Clock
  readonly #metronome: Metronome | null
  readonly #ring: () => void
  #exactUs = Number.POSITIVE_INFINITY
  #aboutUs = Number.POSITIVE_INFINITY
  /** When the earliest timer that runs will wake us. */
  #timerAtUs = Number.POSITIVE_INFINITY
  /** What the metronome was last asked for and has not rung. */
  #askedUs = Number.NaN
  #isPolling = false

  constructor(clock: Clock, metronome: Metronome | null, ring: () => void) {
    this.#clock = clock
    this.#metronome = metronome
    this.#ring = ring
    metronome?.listen(() => {
      this.#askedUs = Number.NaN
      this.#look()
    })
  }

  set(atUs: number): void {
    if (this.#metronome === null) return this.setAbout(atUs)
    if (atUs >= this.#exactUs) return
    this.#exactUs = atUs
    if (!this.#isPolling) this.#await()
  }

  setAbout(atUs: number): void {
    if (atUs >= this.#aboutUs) return
    this.#aboutUs = atUs
    this.#awaitTimer()
  }

  stop(): void {
    this.#exactUs = Number.POSITIVE_INFINITY
    this.#aboutUs = Number.POSITIVE_INFINITY
  }

  #await(): void {
    if (this.#exactUs - this.#clock.nowUs() <= POLLED_US) return this.#poll()
    if (this.#askedUs === this.#exactUs) return
    this.#askedUs = this.#exactUs
    this.#metronome?.set(this.#exactUs)
  }

  #awaitTimer(): void {
    const leftUs = this.#aboutUs - this.#clock.nowUs()
    if (leftUs <= 0) return this.#poll()
    if (this.#aboutUs >= this.#timerAtUs) return
    this.#timerAtUs = this.#aboutUs
    void this.#sleep(leftUs, this.#aboutUs)
  }

  async #sleep(waitUs: number, wakeAtUs: number): Promise<void> {
    await pause(waitUs)
    if (this.#timerAtUs === wakeAtUs) this.#timerAtUs = Number.POSITIVE_INFINITY
    if (this.#isPolling || this.#aboutUs === Number.POSITIVE_INFINITY) return
    if (this.#aboutUs <= this.#clock.nowUs()) this.#look()
    else this.#awaitTimer()
  }

  #poll(): void {
    if (this.#isPolling) return
    this.#isPolling = true
    setImmediate(this.#polled)
  }

  readonly #polled = (): void => {
    this.#isPolling = false
    this.#look()
  }

  /** Rings if anything is due, else waits on. */
  #look(): void {
    const nowUs = this.#clock.nowUs()
    const isDue = this.#exactUs <= nowUs || this.#aboutUs <= nowUs
    if (this.#exactUs <= nowUs) this.#exactUs = Number.POSITIVE_INFINITY
    if (this.#aboutUs <= nowUs) this.#aboutUs = Number.POSITIVE_INFINITY
    if (isDue) this.#ring()
    if (this.#exactUs !== Number.POSITIVE_INFINITY && !this.#isPolling) this.#await()
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
    const set = (atUs: number) => {
      if (atUs >= state.dueUs) return
      state.dueUs = atUs
      void wait(atUs)
    }
    return {
      set,
      setAbout: set,
      stop() {
        state.dueUs = Number.POSITIVE_INFINITY
      },
    }
  }
}
