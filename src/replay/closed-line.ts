/** Who waits for a user of a closed loop. Pure. */
import type { ReadyRequest } from './flight-result.ts'

export type Waiting = Readonly<{ request: ReadyRequest; bytes: Uint8Array }>

/** So many served entries are dropped together. */
const TRIM = 1_024

export class ClosedLine {
  readonly #users: number
  readonly #waiting: Waiting[] = []
  #from = 0
  #busy = 0

  constructor(users: number) {
    this.#users = users
  }

  get size(): number {
    return this.#waiting.length - this.#from
  }

  add(request: ReadyRequest, bytes: Uint8Array): void {
    this.#waiting.push({ request, bytes })
  }

  /** @returns the next request, due now, if a user is free for it */
  take(nowUs: number): Waiting | null {
    const next = this.#waiting[this.#from]
    if (next === undefined || this.#busy >= this.#users) return null
    this.#busy += 1
    this.#from += 1
    if (this.#from >= TRIM) {
      this.#waiting.splice(0, this.#from)
      this.#from = 0
    }
    // Nobody's turn comes before the start of the run, which is where the plan's clock begins.
    const { request, bytes } = next
    const startUs = request.dueUs - request.sinceStartUs
    return { request: { ...request, dueUs: Math.max(startUs, nowUs) }, bytes }
  }

  /** A user is free again. */
  leave(): void {
    this.#busy -= 1
  }

  clear(): void {
    this.#waiting.length = 0
    this.#from = 0
  }
}
