/**
 * The engine's loop: steps of the scheduler, one after the other, at the times that they end. Effects:
 * time, through the clock that it is given.
 *
 * The next step begins when the last one ended by plan, not when the timer fired, so a late timer
 * delays its tokens by a moment and slows nothing down.
 */
import type { Clock } from '../base/clock.ts'
import { type Output, type Scheduler, beginStep, createScheduler } from './scheduler.ts'
import { endStep, enqueue, finishSequence } from './scheduler.ts'
import type { FinishReason, Sequence, SequenceRequest } from './sequence.ts'
import type { EngineMetrics } from './metrics.ts'
import type { EngineSettings } from './settings.ts'

/** A process that slept longer than this was stopped or starved: what it missed is not made up for. */
const LONGEST_CATCH_UP_US = 100_000

export type Submission = Omit<SequenceRequest, 'id' | 'queuedUs'>

export type Ticket = {
  sequence: Sequence | null
  readonly request: Submission
  readonly onOutput: (output: Output) => void
  isOver: boolean
}

/** Resolves at about `dueUs`; see `engine.ts` for the one that uses timers. */
export type Wait = (dueUs: number, signal: AbortSignal) => Promise<void>

export class EngineCore {
  readonly scheduler: Scheduler
  readonly #clock: Clock
  readonly #wait: Wait
  readonly #metrics: EngineMetrics
  readonly #arrivalUs: number
  readonly #ending = new AbortController()
  readonly #tickets = new Map<number, Ticket>()
  /** On their way to the scheduler, in order. */
  readonly #arriving: Ticket[] = []
  #wake: (() => void) | null = null
  #nextId = 0

  constructor(settings: EngineSettings, clock: Clock, wait: Wait, metrics: EngineMetrics) {
    this.scheduler = createScheduler(settings.profile, settings.hasPrefixCache)
    this.#arrivalUs = settings.profile.arrivalUs
    this.#clock = clock
    this.#wait = wait
    this.#metrics = metrics
  }

  /** Requests that wait for the scheduler or for its first step. */
  get queuedCount(): number {
    return this.scheduler.waiting.length + this.#arriving.length
  }

  submit(request: Submission, onOutput: (output: Output) => void): Ticket {
    const ticket: Ticket = { sequence: null, request, onOutput, isOver: false }
    this.#arriving.push(ticket)
    this.#wake?.()
    return ticket
  }

  /** Takes a sequence out: its slot and blocks are free before the next step. */
  cancel(ticket: Ticket, reason: FinishReason): void {
    if (ticket.isOver) return
    ticket.isOver = true
    if (ticket.sequence === null) {
      this.#arriving.splice(this.#arriving.indexOf(ticket), 1)
      return
    }
    finishSequence(this.scheduler, ticket.sequence, reason)
    this.#tickets.delete(ticket.sequence.id)
    if (reason === 'stop') this.#metrics.finished(ticket.sequence)
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    const { signal } = this.#ending
    let startUs = this.#clock.nowUs()
    while (!this.#isClosed()) {
      startUs = Math.max(startUs, this.#clock.nowUs() - LONGEST_CATCH_UP_US)
      this.#admit(startUs)
      const step = beginStep(this.scheduler, startUs)
      if (step === null) {
        await this.#idle(signal)
        startUs = this.#clock.nowUs()
        continue
      }
      await this.#wait(step.endUs, signal)
      if (this.#isClosed()) return
      this.#finishStep(endStep(this.scheduler))
      startUs = step.endUs
    }
  }

  close(): void {
    this.#ending.abort()
    this.#wake?.()
  }

  #isClosed(): boolean {
    return this.#ending.signal.aborted
  }

  #admit(nowUs: number): void {
    for (;;) {
      const ticket = this.#arriving[0]
      if (ticket === undefined || ticket.request.arrivedUs + this.#arrivalUs > nowUs) return
      this.#arriving.shift()
      this.#nextId += 1
      ticket.sequence = enqueue(this.scheduler, {
        ...ticket.request,
        id: this.#nextId,
        queuedUs: ticket.request.arrivedUs + this.#arrivalUs,
      })
      this.#tickets.set(this.#nextId, ticket)
    }
  }

  /** Sleeps until the next request is there. */
  async #idle(signal: AbortSignal): Promise<void> {
    const next = this.#arriving[0]
    if (next !== undefined) {
      await this.#wait(next.request.arrivedUs + this.#arrivalUs, signal)
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    await promise
    this.#wake = null
  }

  #finishStep(outputs: readonly Output[]): void {
    this.#metrics.stepped(outputs)
    for (const output of outputs) {
      const { sequence } = output
      const ticket = this.#tickets.get(sequence.id)
      if (ticket === undefined || ticket.isOver) continue
      if (sequence.finish !== null) {
        ticket.isOver = true
        this.#tickets.delete(sequence.id)
        this.#metrics.finished(sequence)
      }
      ticket.onOutput(output)
    }
  }
}
