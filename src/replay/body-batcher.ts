/** Collects finished bodies and hands them over in batches: a message costs more than a body. Effects: messages. */
import type { MessagePort } from '../base/threads.ts'
import type { BodyBuilder, BuildChange } from './body-builder.ts'
import type { ReadyRequest } from './flight-result.ts'
import { packRequests } from './request-pack.ts'

/** `ends[i]` is where request i ends in `bytes`; its numbers are in `requests`, see request-pack. */
export type BodyBatch = Readonly<{
  requests: Float64Array
  ends: Uint32Array
  bytes: Uint8Array
  /** Nothing follows. */
  isLast: boolean
}>

const BATCH_BYTES = 262_144
const BATCH_REQUESTS = 128

type Draft = { requests: ReadyRequest[]; ends: number[]; end: number }

export class BodyBatcher {
  readonly #builder: BodyBuilder
  readonly #ports: readonly MessagePort[]
  readonly #drafts: Draft[]
  /** One for all: what is handed over is cut to size. */
  readonly #buffers: Buffer[]
  requests = 0
  bytes = 0

  constructor(builder: BodyBuilder, ports: readonly MessagePort[]) {
    this.#builder = builder
    this.#ports = ports
    this.#drafts = ports.map(() => ({ requests: [], ends: [], end: 0 }))
    this.#buffers = ports.map(() => Buffer.allocUnsafeSlow(BATCH_BYTES))
  }

  /** Builds one request for one of the sending threads. */
  add(worker: number, index: number, change: BuildChange): void {
    const draft = this.#drafts[worker]
    if (draft === undefined) throw new Error(`no sending thread ${worker}`)
    const buffer = this.#room(worker, draft, this.#builder.roomFor(index, change))
    const { request, end } = this.#builder.build(index, buffer, draft.end, change)
    draft.end = end
    draft.requests.push(request)
    draft.ends.push(end)
    this.requests += 1
    this.bytes += request.bodyBytes
    if (draft.requests.length >= BATCH_REQUESTS || end >= BATCH_BYTES / 2) this.#post(worker, false)
  }

  /** Hands over everything that is built. @param isLast nothing follows */
  flush(isLast: boolean): void {
    for (const worker of this.#ports.keys()) {
      if (isLast || this.#drafts[worker]!.requests.length > 0) this.#post(worker, isLast)
    }
  }

  #room(worker: number, draft: Draft, sizeBytes: number): Buffer {
    const buffer = this.#buffers[worker]!
    if (buffer.length - draft.end >= sizeBytes) return buffer
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, draft.end + sizeBytes))
    buffer.copy(larger, 0, 0, draft.end)
    this.#buffers[worker] = larger
    return larger
  }

  #post(worker: number, isLast: boolean): void {
    const { requests, ends, end } = this.#drafts[worker]!
    // A copy, so that what waits in a sending thread is no larger than its bodies.
    const bytes = new Uint8Array(this.#buffers[worker]!.subarray(0, end))
    const packed = packRequests(requests)
    const batch: BodyBatch = { requests: packed, ends: Uint32Array.from(ends), bytes, isLast }
    this.#ports[worker]!.postMessage(batch, [bytes.buffer, packed.buffer])
    this.#drafts[worker] = { requests: [], ends: [], end: 0 }
  }
}
