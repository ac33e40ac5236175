/** The threads of one replay: one builds bodies, some send, one reads the answers. Effects: starts threads. */
import { pause } from '../base/clock.ts'
import { isErrorCode, TraceError } from '../base/errors.ts'
import {
  lookForGarbageFrom,
  MessageChannel,
  startThread,
  type MessagePort,
  type Worker,
} from '../base/threads.ts'
import type { EventRow, SampleRow } from '../trace/columns.ts'
import type { TraceHeader } from '../trace/header.ts'
import { Admission } from './admission.ts'
import type { BodyReply, BodyWorkerData } from './body-worker.ts'
import type { ThreadLoad } from './client-load.ts'
import type { FillerCounts } from './conversation.ts'
import { Counters, sumCounts } from './counters.ts'
import type { Fidelity } from './fidelity.ts'
import { LiveResults } from './live-results.ts'
import type { ResultCommand, ResultReply } from './result-worker.ts'
import type { SendCommand, SendReply } from './send-worker.ts'
import {
  limitsOf,
  resultData,
  sendData,
  share,
  sharedPlan,
  usersOf,
  type ThreadPlan,
} from './thread-data.ts'

/** Little of what these threads make lives long; more room for it is only memory, and longer pauses. */
const YOUNG_MB = 4
/** 2,000 streams take half of it: in most runs the sending thread never stops for what lives long. */
const OLD_MB = 48
/** A thread that has failed does not answer. */
const ABANDON_LIMIT_US = 2_000_000

export class ReplayThreads {
  readonly counters: readonly Counters[]
  readonly live: LiveResults
  readonly #senders: Worker[] = []
  readonly #result: Worker
  readonly #body: Worker
  readonly #failure = Promise.withResolvers<never>()
  readonly #isPrimed: Promise<unknown>
  readonly #isReady: Promise<ResultReply>
  readonly #areWarm: Promise<unknown>
  #fillers: FillerCounts = {}
  /** How many results each sending thread has posted. */
  readonly #allSent: Promise<readonly number[]>
  /** What the sending threads said of themselves. */
  readonly loads: ThreadLoad[] = []

  constructor(input: ThreadPlan) {
    lookForGarbageFrom(OLD_MB)
    const { plan, options, build } = input
    const workers = Math.min(options.workers, Math.max(1, plan.count), usersOf(plan))
    this.counters = Array.from({ length: workers }, () => new Counters())
    const bodies = this.counters.map(() => new MessageChannel())
    const results = this.counters.map(() => new MessageChannel())
    const ends = new MessageChannel()
    const read = new Counters().memory
    const shared = sharedPlan(plan)
    const isSession = plan.mode.kind === 'session'
    this.live = new LiveResults(plan.count)
    this.#result = this.#start(
      './result-worker',
      {
        ...resultData(input, shared, results, this.live.memory),
        read,
        ends: isSession ? ends.port1 : null,
      },
      [...results.map(({ port2 }) => port2), ...(isSession ? [ends.port1] : [])],
    )
    this.#isReady = nextMessage<ResultReply>(this.#result)
    const admission = new Admission(limitsOf(options)).memory
    for (const [at, counters] of this.counters.entries()) {
      const ports = [bodies[at]?.port2, results[at]?.port1] as [MessagePort, MessagePort]
      const concurrency = share(usersOf(plan), workers, at)
      const data = {
        ...sendData(input, counters.memory, admission, ports),
        worker: at,
        concurrency,
      }
      this.#senders.push(this.#start('./send-worker', data, ports))
    }
    const ports = bodies.map(({ port1 }) => port1)
    const { columns, shapes, blocks } = shared
    const bodyData: BodyWorkerData = {
      plan: { columns, shapes, blocks, count: plan.count, mode: plan.mode },
      options: build,
      ports,
      counters: this.counters.map(({ memory }) => memory),
      read,
      ends: ends.port2,
      tokenizers: input.tokenizers,
    }
    const lines = input.tokenizers.flatMap((place) =>
      place === null || 'url' in place ? [] : [place],
    )
    this.#body = this.#start('./body-worker', bodyData, [...ports, ends.port2, ...lines])
    this.#isPrimed = nextMessage(this.#body)
    this.#body.on('message', (reply: BodyReply) => {
      if (reply.kind === 'built') this.#fillers = reply.fillers
    })
    // The first thing that a sending thread says.
    this.#areWarm = Promise.all(this.#senders.map(async (sender) => nextMessage(sender)))
    this.#allSent = Promise.all(this.#senders.map(async (sender) => this.#follow(sender)))
    // Whoever waits hears of it; nobody waiting is no reason to end the process.
    this.#failure.promise.catch(() => undefined)
  }

  /** Until the result can be written and the first bodies stand ready. */
  async ready(): Promise<void> {
    await this.#orFailure(Promise.all([this.#isReady, this.#isPrimed, this.#areWarm]))
  }

  start(startUs: number): void {
    for (const sender of this.#senders) {
      sender.postMessage({ kind: 'start', startUs } satisfies SendCommand)
    }
  }

  /** Hangs up what is in flight and sends nothing more. */
  stop(): void {
    for (const sender of this.#senders) sender.postMessage({ kind: 'stop' } satisfies SendCommand)
  }

  /** Until each request has its end. */
  async sent(): Promise<void> {
    await this.#orFailure(this.#allSent)
  }

  /** Writes the result whole. */
  async finish(
    header: Partial<TraceHeader>,
    samples: readonly SampleRow[],
    events: readonly EventRow[],
  ): Promise<Fidelity> {
    const lateBodies = sumCounts(this.counters).lateBodies
    const expected = (await this.#orFailure(this.#allSent)).reduce((sum, count) => sum + count, 0)
    const fillers = this.#fillers
    const command = {
      kind: 'finish',
      expected,
      lateBodies,
      fillers,
      header,
      samples,
      events,
    } as const
    const reply = nextMessage<ResultReply>(this.#result)
    this.#result.postMessage(command satisfies ResultCommand)
    const answer = await this.#orFailure(reply)
    if (answer.kind === 'finished') return answer.fidelity
    throw new Error(`the result could not be written: ${'message' in answer ? answer.message : ''}`)
  }

  /** Removes what was written of the result so far. */
  async abandon(): Promise<void> {
    await Promise.race([this.#abandoned(), pause(ABANDON_LIMIT_US)])
  }

  async #abandoned(): Promise<void> {
    this.stop()
    await this.#isReady
    const reply = nextMessage<ResultReply>(this.#result)
    this.#result.postMessage({ kind: 'abandon' } satisfies ResultCommand)
    await reply
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#body, this.#result, ...this.#senders].map(async (each) => each.terminate()),
    )
  }

  /** @returns how many results the thread has posted in all */
  async #follow(sender: Worker): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    sender.on('message', (reply: SendReply) => {
      if (reply.kind === 'load') this.loads.push(reply.load)
      else if (reply.kind === 'done') resolve(reply.results)
    })
    return promise
  }

  #start(name: string, data: unknown, ports: MessagePort[]): Worker {
    const worker = startThread(import.meta.url, name, {
      workerData: data,
      transferList: ports,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.on('error', (error) => this.#failure.reject(failureOf(error)))
    return worker
  }

  async #orFailure<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise])
  }
}

/**
 * A full disk or a lost folder is no bug of ours: it needs a sentence, not a stack. A thread's own sentence
 * arrives as a plain error with its code and its hint.
 */
export function failureOf(error: Error): Error {
  const { code, hint } = error as NodeJS.ErrnoException & { hint?: string }
  if (error instanceof TraceError || code === undefined) return error
  if (isErrorCode(code))
    return new TraceError(code, error.message, { ...(hint && { hint }), cause: error })
  return new TraceError('FAILED', `the replay cannot go on: ${code}`, { cause: error })
}

async function nextMessage<T>(worker: Worker): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  worker.once('message', resolve)
  return promise
}
