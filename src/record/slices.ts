/**
 * Work in short slices with a nap after each, so that a thread that shares a core with the relay lets
 * it in: without naps the system changes between two busy threads only every few milliseconds. Pure,
 * but for the nap that it is given.
 */

/** A relayed chunk waits at most about this long for the core. */
const SLICE_US = 200
/** The shortest sleep that is one; others have the core meanwhile. */
const NAP_US = 20
/** Work that has waited longer than this is caught up with first. */
const BEHIND_US = 150_000
/** Reading the clock costs as much as a small piece of work. */
const STEPS_PER_LOOK = 8

export type SliceOptions = Readonly<{
  nowUs: () => number
  nap: (forUs: number) => void
}>

export class Slices {
  readonly #options: SliceOptions
  #sliceStartUs = 0
  #steps = 0
  #isBehind = false

  constructor(options: SliceOptions) {
    this.#options = options
  }

  /** @param postedAtUs when the work that begins now was handed over */
  begin(postedAtUs: number): void {
    this.#sliceStartUs = this.#options.nowUs()
    this.#isBehind = this.#sliceStartUs - postedAtUs > BEHIND_US
  }

  /** After each piece of work. */
  step(): void {
    this.#steps += 1
    if (this.#isBehind || this.#steps % STEPS_PER_LOOK !== 0) return
    const { nowUs, nap } = this.#options
    if (nowUs() - this.#sliceStartUs < SLICE_US) return
    nap(NAP_US)
    this.#sliceStartUs = nowUs()
  }
}
