/** The limits that make an open loop less than open, kept over all sending threads together. Pure. */

const IN_FLIGHT = 0
const SECOND = 1
const STARTED = 2

export class Admission {
  readonly memory: SharedArrayBuffer
  readonly #values: Int32Array
  readonly #maxInFlight: number
  readonly #maxPerSecond: number

  /** @param limits infinity for none */
  constructor(
    limits: Readonly<{ maxInFlight: number; maxPerSecond: number }>,
    memory = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory
    this.#values = new Int32Array(memory)
    this.#maxInFlight = limits.maxInFlight
    this.#maxPerSecond = limits.maxPerSecond
  }

  /** @returns false if this request has to be left out */
  enter(nowUs: number): boolean {
    if (Atomics.add(this.#values, IN_FLIGHT, 1) >= this.#maxInFlight) {
      this.leave()
      return false
    }
    if (this.#maxPerSecond === Number.POSITIVE_INFINITY) return true
    const second = Math.floor(nowUs / 1_000_000) % 0x7fff_ffff
    if (Atomics.exchange(this.#values, SECOND, second) !== second) {
      Atomics.store(this.#values, STARTED, 0)
    }
    if (Atomics.add(this.#values, STARTED, 1) < this.#maxPerSecond) return true
    this.leave()
    return false
  }

  leave(): void {
    Atomics.sub(this.#values, IN_FLIGHT, 1)
  }
}
