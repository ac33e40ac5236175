/**
 * The threads that relay beside the main thread: the system shares new connections out among all that
 * listen, and all send what they see to one observer. Effects: starts, restarts and ends threads.
 */
import { pause } from '../base/clock.ts'
import { TraceError, type ErrorCode } from '../base/errors.ts'
import { MessageChannel, type Worker } from '../base/threads.ts'
import { addTallies, emptyTally, type Tally } from '../stats/octaves.ts'
import type { ToObserver } from './messages.ts'
import type { RecordOptions } from './options.ts'
import {
  relayWork,
  type FromRelay,
  type RelayStatus,
  type RelayWork,
  type ToRelay,
} from './relay-messages.ts'

const RESTART_US = 200_000
const NOTHING: RelayStatus = {
  connections: 0,
  shed: 0,
  isBehind: false,
  delays: emptyTally(),
  upstreamProblem: null,
}

type RelayThread = {
  readonly index: number
  worker: Worker
  status: RelayStatus
  /** Of the threads before this one: requests that were not handed on, and chunks. */
  shedBefore: number
  delaysBefore: Tally
  readonly empty: PromiseWithResolvers<void>
}

export class RelayThreads {
  readonly #options: RecordOptions
  readonly #start: (work: RelayWork) => Worker
  readonly #threads: RelayThread[] = []
  readonly #closing = new AbortController()
  #observer: Worker | null = null
  #recording: ToRelay = { type: 'recording', isPaused: false, isWriting: true }
  #hasBegun = false
  #isDraining = false

  constructor(options: RecordOptions, start: (work: RelayWork) => Worker) {
    this.#options = options
    this.#start = start
  }

  /** Resolves once all listen. @throws TraceError as one of them did */
  async start(): Promise<void> {
    const all: Promise<void>[] = []
    for (let index = 1; index < this.#options.workers; index += 1) {
      const worker = this.#start(relayWork(this.#options, index))
      const empty = Promise.withResolvers<void>()
      const thread = {
        index,
        worker,
        status: NOTHING,
        shedBefore: 0,
        delaysBefore: emptyTally(),
        empty,
      }
      this.#threads.push(thread)
      all.push(this.#follow(thread))
    }
    await Promise.all(all)
  }

  begin(): void {
    this.#hasBegun = true
    this.tell({ type: 'begin' })
  }

  /** Tells every thread the way to an observer that has just been started. */
  attach(observer: Worker): void {
    this.#observer = observer
    for (const thread of this.#threads) this.#introduce(thread, observer)
  }

  tell(message: ToRelay): void {
    if (message.type === 'recording') this.#recording = message
    if (message.type === 'drain') this.#isDraining = true
    for (const { worker } of this.#threads) worker.postMessage(message)
  }

  get statuses(): RelayStatus[] {
    return this.#threads.map(({ status, shedBefore, delaysBefore }) => {
      const delays = addTallies([status.delays, delaysBefore])
      return { ...status, shed: status.shed + shedBefore, delays }
    })
  }

  /** After `drain`: resolves once no thread has a connection left. */
  async empty(): Promise<void> {
    await Promise.all(this.#threads.map(async ({ empty }) => empty.promise))
  }

  /** Ends the threads once the observer has read what they had for it. */
  async close(patienceUs: number): Promise<void> {
    this.#closing.abort()
    const ends = this.#threads.map(async ({ worker }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      worker.once('exit', () => resolve())
      if (worker.threadId < 0) resolve()
      worker.postMessage({ type: 'close', patienceUs } satisfies ToRelay)
      return promise
    })
    await Promise.all(ends)
  }

  #wantsThreads(): boolean {
    return !this.#closing.signal.aborted && !this.#isDraining
  }

  /** Resolves once it listens. */
  async #follow(thread: RelayThread): Promise<void> {
    const { worker } = thread
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    worker.on('message', (message: FromRelay) => {
      if (message.type === 'status') thread.status = message.status
      else if (message.type === 'empty') thread.empty.resolve()
      else if (message.type === 'listening') resolve()
      else reject(new TraceError(message.code as ErrorCode, message.message))
    })
    // Never quoted: an exception's text may hold traffic.
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      resolve()
      void this.#replace(thread)
    })
    if (this.#observer !== null) this.#introduce(thread, this.#observer)
    await promise
  }

  /** A thread that died took its connections along; another takes its place. */
  async #replace(thread: RelayThread): Promise<void> {
    thread.shedBefore += thread.status.shed
    thread.delaysBefore = addTallies([thread.delaysBefore, thread.status.delays])
    thread.status = NOTHING
    if (this.#isDraining) thread.empty.resolve()
    if (!this.#wantsThreads() || !this.#hasBegun) return
    await pause(RESTART_US, this.#closing.signal).catch(() => undefined)
    if (!this.#wantsThreads()) return
    thread.worker = this.#start(relayWork(this.#options, thread.index))
    await this.#follow(thread).catch(() => undefined)
    thread.worker.postMessage(this.#recording)
    thread.worker.postMessage({ type: 'begin' } satisfies ToRelay)
  }

  #introduce({ index, worker }: RelayThread, observer: Worker): void {
    const { port1, port2 } = new MessageChannel()
    const attach: ToObserver = { type: 'attach', index, port: port1 }
    observer.postMessage(attach, [port1])
    const way: ToRelay = { type: 'observer', port: port2 }
    worker.postMessage(way, [port2])
  }
}
