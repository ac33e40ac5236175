/**
 * Thread that builds bodies ahead of time, in a bounded window, so that the sending threads never do.
 * Effects: messages to the sending threads.
 */
import { pause } from '../base/clock.ts'
import { parentPort, workerData, type MessagePort } from '../base/threads.ts'
import { BodyBuilder, type BuildOptions, type BuildPlan } from './body-builder.ts'
import { Counters } from './counters.ts'
import { workerOf } from './partition.ts'
import type { ReadyRequest } from './flight-result.ts'

export type BodyWorkerData = Readonly<{
  plan: BuildPlan & Readonly<{ count: number }>
  options: BuildOptions
  /** One port and one set of counters for each sending thread. */
  ports: readonly MessagePort[]
  counters: readonly SharedArrayBuffer[]
}>

/** Bodies in order of their due instants; `ends[i]` is where body i ends in `bytes`. */
export type BodyBatch = Readonly<{
  requests: readonly ReadyRequest[]
  ends: Uint32Array
  bytes: Uint8Array
  /** Nothing follows. */
  isLast: boolean
}>

/** Built and not yet sent, for all sending threads together. */
const WINDOW_BYTES = 48_000_000
const WINDOW_REQUESTS = 16_384
const BATCH_BYTES = 262_144
const BATCH_REQUESTS = 128
/** A window that is full is looked at again so soon; it holds seconds of load. */
const PAUSE_US = 5_000

class Batch {
  readonly #requests: ReadyRequest[] = []
  readonly #ends: number[] = []
  #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES)
  #end = 0

  get isFull(): boolean {
    return this.#requests.length >= BATCH_REQUESTS || this.#end >= BATCH_BYTES / 2
  }

  add(builder: BodyBuilder, index: number): number {
    const room = builder.roomFor(index)
    if (this.#bytes.length - this.#end < room) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#end + room))
      this.#bytes.copy(larger, 0, 0, this.#end)
      this.#bytes = larger
    }
    const { request, end } = builder.build(index, 0, this.#bytes, this.#end)
    const sizeBytes = end - this.#end
    this.#end = end
    this.#requests.push(request)
    this.#ends.push(end)
    return sizeBytes
  }

  post(port: MessagePort, isLast: boolean): void {
    // Cut to size: what is sent stays in memory until the last of its bodies has left.
    const bytes = new Uint8Array(this.#bytes.subarray(0, this.#end))
    const batch: BodyBatch = {
      requests: this.#requests,
      ends: Uint32Array.from(this.#ends),
      bytes,
      isLast,
    }
    port.postMessage(batch, [bytes.buffer])
  }
}

async function buildAll(data: BodyWorkerData, onPrimed: () => void): Promise<void> {
  const { plan, options, ports } = data
  const builder = new BodyBuilder(plan, options)
  const counters = data.counters.map((memory) => new Counters(memory))
  const batches = ports.map(() => new Batch())
  const built = { bytes: 0, requests: 0 }
  const isFull = () =>
    built.requests - total(counters, 'released') >= WINDOW_REQUESTS ||
    built.bytes - total(counters, 'releasedBytes') >= WINDOW_BYTES
  const flush = (isLast: boolean) => {
    for (const [at, port] of ports.entries()) {
      batches[at]?.post(port, isLast)
      batches[at] = new Batch()
    }
  }
  for (let index = 0; index < plan.count; index += 1) {
    if (isFull()) {
      flush(false)
      onPrimed()
      while (isFull()) await pause(PAUSE_US)
    }
    const worker = workerOf(plan.columns.session[index] ?? 0, index, ports.length)
    const batch = batches[worker]
    const port = ports[worker]
    if (batch === undefined || port === undefined) throw new Error(`no sending thread ${worker}`)
    built.bytes += batch.add(builder, index)
    built.requests += 1
    if (batch.isFull) {
      batch.post(port, false)
      batches[worker] = new Batch()
    }
  }
  flush(true)
  onPrimed()
}

function total(counters: readonly Counters[], name: 'released' | 'releasedBytes'): number {
  return counters.reduce((sum, each) => sum + each.get(name), 0)
}

if (parentPort !== null) {
  const port = parentPort
  await buildAll(workerData as BodyWorkerData, () => port.postMessage('primed'))
}
