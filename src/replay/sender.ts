/**
 * Sends finished requests at their absolute instants and watches their answers.
 *
 * Open loop: a slow answer never holds back a later send; what is late is sent at once and its lag is
 * known. Effects: only through `openWire`, the clock and the alarm.
 */
import { Agenda } from './agenda.ts'
import type { Alarm } from './alarm.ts'
import { ClosedLine } from './closed-line.ts'
import { countEnd } from './counters.ts'
import type { FlightResult, ReadyRequest } from './flight-result.ts'
import { Flight, type FlightHost } from './flight.ts'
import { LinkDesk } from './link-desk.ts'
import type { Link } from './link.ts'
import { asAttempt } from './request-head.ts'
import { Breaker, isServersFault, Retries } from './retry.ts'
import type { SenderOptions } from './sender-options.ts'

/** How often limits are looked at: a timeout is so much late at most. */
const SWEEP_US = 250_000
/** Connections made in a row before sockets are served again. */
const OPENS_PER_TURN = 4
/** With a send nearer than this, chores wait: a connection takes about half as long to open. */
const CHORE_ROOM_US = 300
/** A connection is opened at least so long before its request, however busy it is. */
const LEAST_LEAD_US = 100_000

/** What has its instant. */
type Step = Readonly<{ kind: 'send' | 'hangUp'; flight: Flight }>
export class Sender implements FlightHost {
  readonly #options: SenderOptions
  readonly #alarm: Alarm
  readonly #agenda = new Agenda<Step>()
  /** Flights that need a connection, some milliseconds sooner or later. */
  readonly #chores = new Agenda<Flight>()
  readonly #open = new Set<Flight>()
  /** Those with a connection: the only ones that limits of time concern. */
  readonly #airborne = new Set<Flight>()
  readonly #line: ClosedLine
  /** Due to be opened, and waiting for a connection to end: there are only so many file handles. */
  readonly #grounded = new Set<Flight>()
  readonly #desk: LinkDesk
  readonly #breaker: Breaker
  readonly #retries: Retries
  #nextSweepUs = Number.POSITIVE_INFINITY
  #isStopped = false
  #isServingLine = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#desk = new LinkDesk({ ...options, ...options.limits, onRoom: () => this.#openNext() })
    this.#breaker = new Breaker(options.breaker)
    this.#retries = new Retries(options.retry, options.draw)
    this.#line = new ClosedLine(options.concurrency ?? 0)
    this.#alarm = options.makeAlarm(() => this.#turn())
  }

  /** Requests that have been added and have not ended. */
  get pendingCount(): number {
    return this.#open.size + this.#line.size
  }

  /** @param bytes head and body in one piece; empty if it cannot be expressed for its target */
  add(request: ReadyRequest, bytes: Uint8Array): void {
    if (this.#options.concurrency === null) {
      if (this.nowUs() > request.dueUs) this.#options.counters.add('lateBodies')
      this.#add(request, bytes)
    } else {
      this.#line.add(request, bytes)
      this.#serveLine()
    }
  }

  #serveLine(): void {
    // A request that cannot be sent ends in here and frees its user: the loop goes on, not deeper.
    if (this.#isServingLine) return
    this.#isServingLine = true
    const nowUs = this.#options.clock.nowUs()
    for (let next = this.#line.take(nowUs); next !== null; next = this.#line.take(nowUs)) {
      this.#add(next.request, next.bytes)
    }
    this.#isServingLine = false
  }

  #add(request: ReadyRequest, bytes: Uint8Array): void {
    const flight = new Flight(request, bytes, this)
    this.#open.add(flight)
    if (bytes.length === 0) return flight.fail('unsendable')
    this.#chores.add(request.dueUs - this.#options.limits.leadUs, flight)
    this.#wake()
  }

  /** Ends everything at once: what is in flight is hung up, what waits is not sent. */
  stop(): void {
    this.#isStopped = true
    this.#alarm.stop()
    this.#line.clear()
    for (const flight of this.#open) flight.fail('interrupted')
    this.#desk.trim(Number.POSITIVE_INFINITY)
  }

  nowUs(): number {
    return this.#options.clock.nowUs()
  }

  get keepsBytes(): boolean {
    return this.#options.retry !== null
  }

  openLink(flight: Flight, isReplacement: boolean): Link {
    return this.#desk.take(flight.request, flight, this.nowUs(), isReplacement)
  }

  sent(flight: Flight): void {
    const { counters } = this.#options
    const { abortAfterUs, dueUs } = flight.request
    counters.add('sent')
    counters.add('inFlight')
    this.#release(flight)
    counters.addLag(Math.max(0, flight.writtenAtUs - dueUs))
    if (Number.isFinite(abortAfterUs)) {
      this.#agenda.add(flight.writtenAtUs + abortAfterUs, { kind: 'hangUp', flight })
      this.#wake()
    }
  }

  /** Called for every read: a busy reader must not make the next send late, nor open more than it reads. */
  served(nowUs: number, sizeBytes: number): void {
    this.#options.counters.add('bytesIn', sizeBytes)
    if (nowUs >= this.#agenda.nextUs) this.#actDue()
  }

  leave(link: Link, isKept: boolean): void {
    this.#desk.leave(link, isKept, this.nowUs())
  }

  ended(flight: Flight, result: FlightResult, isAnswered: boolean): void {
    const { admission, clock, counters, onResult } = this.#options
    this.#open.delete(flight)
    this.#airborne.delete(flight)
    this.#grounded.delete(flight)
    if (flight.isAdmitted) admission.leave()
    if (flight.isSent) counters.add('inFlight', -1)
    else this.#release(flight)
    const isOurs = result.fault === 'dropped' || result.fault === 'unsendable'
    if (!Number.isNaN(result.abortAtUs)) this.#breaker.forgo()
    else if (!isOurs) this.#breaker.tell(!isAnswered && isServersFault(result), this.nowUs())
    const retry = this.#isStopped
      ? null
      : this.#retries.next(flight.request, result, clock, counters.get('sent'))
    if (retry === null) countEnd(counters, result, isAnswered)
    onResult({ ...result, isFinal: retry === null })
    if (retry !== null) this.#add(retry, asAttempt(flight.requestBytes, retry.attempt))
    this.#openNext()
    if (retry === null) this.#line.leave()
    if (!this.#isStopped) this.#serveLine()
  }

  /** Room for another body in the window that is built ahead; a retry's body was let out before. */
  #release({ request }: Flight): void {
    if (request.attempt > 0) return
    this.#options.counters.add('released')
    this.#options.counters.add('releasedBytes', request.bodyBytes)
  }

  #openNext(): void {
    for (const flight of this.#grounded) {
      if (this.#desk.isFull) return
      this.#grounded.delete(flight)
      this.#airborne.add(flight)
      this.#nextSweepUs = Math.min(this.#nextSweepUs, this.nowUs() + SWEEP_US)
      flight.open()
    }
  }

  #wake(): void {
    this.#alarm.set(this.#agenda.nextUs)
    // Chores that wait for a send are looked at after it.
    const isWaiting = this.#chores.nextUs <= this.nowUs() && this.#isTight(this.nowUs())
    const choreUs = isWaiting ? Number.POSITIVE_INFINITY : this.#chores.nextUs
    this.#alarm.setAbout(Math.min(choreUs, this.#nextSweepUs))
  }

  #turn(): void {
    if (this.#isStopped) return
    this.#actDue()
    this.#doChores()
    this.#sweep()
    this.#wake()
  }

  #actDue(): void {
    for (let nowUs = this.nowUs(); this.#agenda.nextUs <= nowUs; nowUs = this.nowUs()) {
      this.#act(this.#agenda.take()!, nowUs)
    }
  }

  #act({ kind, flight }: Step, nowUs: number): void {
    if (flight.isOver) return
    if (kind === 'hangUp') {
      flight.hangUp()
    } else if (!this.#breaker.allows(nowUs)) {
      flight.fail('dropped')
    } else if (this.#options.admission.enter(nowUs)) {
      flight.send()
    } else {
      this.#breaker.forgo()
      flight.fail('dropped')
    }
  }

  #doChores(): void {
    for (let done = 0; done < OPENS_PER_TURN; done += 1) {
      const nowUs = this.#options.clock.nowUs()
      if (this.#chores.nextUs > nowUs || this.#isTight(nowUs)) return
      const flight = this.#chores.take()
      if (flight?.isOver === false) this.#prepare(flight)
    }
  }

  /** The next send comes first, unless the next chore must not wait for it. */
  #isTight(nowUs: number): boolean {
    const patienceUs = this.#options.limits.leadUs - LEAST_LEAD_US
    return this.#agenda.nextUs - nowUs < CHORE_ROOM_US && nowUs - this.#chores.nextUs < patienceUs
  }

  #prepare(flight: Flight): void {
    this.#agenda.add(flight.request.dueUs, { kind: 'send', flight })
    this.#grounded.add(flight)
    this.#openNext()
  }

  #sweep(): void {
    const nowUs = this.#options.clock.nowUs()
    if (nowUs < this.#nextSweepUs) return
    for (const flight of this.#airborne) flight.checkLimits(nowUs, this.#options.limits)
    this.#desk.trim(nowUs)
    const isQuiet = this.#airborne.size === 0 && this.#desk.idleCount === 0
    this.#nextSweepUs = isQuiet ? Number.POSITIVE_INFINITY : nowUs + SWEEP_US
  }
}
