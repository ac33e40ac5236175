/** One request and its answer while they pass. Pure. */
import type { EndpointName, OutcomeName } from '../trace/columns.ts'
import type { RequestFacts } from '../stream/request-facts.ts'

export type Exchange = {
  /** Row number; null for a request that only passes. */
  seq: number | null
  endpoint: EndpointName
  method: string
  route: string
  connection: 'new' | 'reused' | 'race'
  connectUs: number | null
  /** Selected header values, lower-case names; never stored. */
  headers: ReadonlyMap<string, string>
  startedAtUs: number
  /** When the request's last byte came; null until then. */
  sentAtUs: number | null
  requestBytes: number
  facts: RequestFacts | null
  stallUs: number
  /** What the trace holds of it before its end. */
  written: 'no' | 'head' | 'whole'
}

/** How an exchange ended where no answer says so. */
export type BareEnd = Readonly<{ outcome: OutcomeName; status: number | null; atUs: number }>

/** Keeps a request's body up to a bound. */
export class BodyKeeper {
  #bytes: Buffer
  #size = 0
  readonly #maxBytes: number
  isCut = false

  constructor(expectedBytes: number, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#bytes = Buffer.allocUnsafe(Math.min(expectedBytes, maxBytes))
  }

  push(bytes: Buffer, from: number, to: number): void {
    const end = Math.min(to, from + this.#maxBytes - this.#size)
    if (end < to) this.isCut = true
    const needed = this.#size + end - from
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(Math.max(needed, this.#bytes.length * 2), this.#maxBytes),
      )
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#size, from, end)
    this.#size = needed
  }

  get kept(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }
}
