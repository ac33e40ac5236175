/**
 * Wakes this thread shortly before an instant, to some tens of µs, while its sockets keep being served.
 *
 * Node's own timers know only whole milliseconds. Polling instead costs much of a core, delays what
 * arrives meanwhile, and spends the credit that a scheduler gives to those who sleep. So another
 * thread, which has nothing else to do, sleeps on a futex and sends a message. Effects: starts a thread.
 */
import { MessageChannel, startThread, type MessagePort } from '../base/threads.ts'

export type MetronomeData = Readonly<{ memory: SharedArrayBuffer; port: MessagePort }>

/** Rung so much ahead: the system wakes a sleeper some tens of µs late, and a message takes as long again. */
export const EARLY_US = 150

/** An instant that never comes. */
export const FOREVER = 2n ** 62n

export class Metronome {
  readonly #generations: Int32Array
  /** When it is to wake up, and until when it sleeps: absolute µs; the second is 0 while it is awake. */
  readonly #instants: BigInt64Array
  readonly #port: MessagePort
  #generation = 0
  #onRing: () => void = () => undefined

  constructor() {
    const memory = new SharedArrayBuffer(24)
    this.#generations = new Int32Array(memory, 0, 1)
    this.#instants = new BigInt64Array(memory, 8, 2)
    this.#instants[0] = FOREVER
    const { port1, port2 } = new MessageChannel()
    const data: MetronomeData = { memory, port: port2 }
    const worker = startThread(import.meta.url, './metronome-worker', {
      workerData: data,
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
    })
    worker.on('error', (error) => {
      throw error
    })
    worker.unref()
    this.#port = port1
    port1.on('message', () => this.#onRing())
    port1.unref()
  }

  /** @param onRing called from now on instead of whatever was called before */
  listen(onRing: () => void): void {
    this.#onRing = onRing
  }

  /** One ring, `EARLY_US` before `atUs`, unless another instant is asked for first. */
  set(atUs: number): void {
    const wakeAt = BigInt(Math.max(1, Math.floor(atUs - EARLY_US)))
    this.#generation = (this.#generation + 1) & 0x3fff_ffff
    Atomics.store(this.#instants, 0, wakeAt)
    Atomics.store(this.#generations, 0, this.#generation)
    if (Atomics.load(this.#instants, 1) > wakeAt) Atomics.notify(this.#generations, 0)
  }

  close(): void {
    this.#port.close()
    Atomics.store(this.#generations, 0, -1)
    Atomics.notify(this.#generations, 0)
  }
}
