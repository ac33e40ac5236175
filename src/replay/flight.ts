/** One request from opening its connection to the end of its answer. Effects: only through its host. */
import { AnswerReader } from '../stream/answer-reader.ts'
import type { AnswerEnd } from '../stream/observation.ts'
import type { Fault, FlightResult, ReadyRequest } from './flight-result.ts'
import type { Wire, WireEvents } from './wire.ts'

/** What a flight needs of the thread that it flies in. */
export interface FlightHost {
  nowUs(): number
  openWire(flight: Flight): Wire
  sent(flight: Flight): void
  served(nowUs: number, sizeBytes: number): void
  leaveLater(wire: Wire): void
  /** @param isAnswered the answer is whole and its status is not an error */
  ended(flight: Flight, result: FlightResult, isAnswered: boolean): void
}

const NOTHING = new Uint8Array(0)

export class Flight implements WireEvents {
  readonly request: ReadyRequest
  readonly #host: FlightHost
  /** Let go once written: many answers outlast their requests by far. */
  #bytes: Uint8Array
  #wire: Wire | null = null
  #reader: AnswerReader | null = null
  #isConnected = false
  #isDue = false
  #openedAtUs = Number.NaN
  #connectUs = Number.NaN
  #lastByteAtUs = Number.NaN
  #hungUpAtUs = Number.NaN
  writtenAtUs = Number.NaN
  sentAtUs = Number.NaN
  isOver = false

  constructor(request: ReadyRequest, bytes: Uint8Array, host: FlightHost) {
    this.request = request
    this.#bytes = bytes
    this.#host = host
  }

  /** It was due and was let in: it counts against --max-in-flight. */
  get isAdmitted(): boolean {
    return this.#isDue
  }

  get isSent(): boolean {
    return !Number.isNaN(this.writtenAtUs)
  }

  open(): void {
    this.#openedAtUs = this.#host.nowUs()
    this.#reader = new AnswerReader()
    this.#wire = this.#host.openWire(this)
  }

  /** Writes now, or as soon as the connection stands. */
  send(): void {
    this.#isDue = true
    if (this.#isConnected) this.#write()
  }

  hangUp(): void {
    if (this.isOver || Number.isNaN(this.sentAtUs)) return
    this.#hungUpAtUs = this.#host.nowUs()
    this.#finish('hangup', 'none')
  }

  fail(fault: Fault): void {
    if (!this.isOver) this.#finish(fault === 'timeout' ? 'timeout' : 'hangup', fault)
  }

  checkLimits(nowUs: number, limits: Readonly<{ timeoutUs: number; stallUs: number }>): void {
    const sinceUs = this.isSent ? this.#lastByteAtUs : this.#isDue ? this.request.dueUs : Number.NaN
    if (nowUs - sinceUs > limits.stallUs || nowUs - this.writtenAtUs > limits.timeoutUs) {
      this.fail(this.isSent ? 'timeout' : 'connect')
    }
  }

  connected(): void {
    this.#isConnected = true
    this.#connectUs = this.#host.nowUs() - this.#openedAtUs
    if (this.#isDue && !this.isOver) this.#write()
  }

  bytes(buffer: Buffer, sizeBytes: number): void {
    const nowUs = this.#host.nowUs()
    if (!this.isOver && this.#reader !== null) {
      this.#lastByteAtUs = nowUs
      this.#read(this.#reader, buffer, sizeBytes, nowUs)
    }
    this.#host.served(nowUs, sizeBytes)
  }

  #read(reader: AnswerReader, buffer: Buffer, sizeBytes: number, nowUs: number): void {
    const { abortAfterEvents } = this.request
    if (reader.push(buffer, 0, sizeBytes, nowUs)) this.#finish('complete', 'none')
    else if (reader.stopReason !== null) this.#finish('hangup', 'garbage')
    else if (abortAfterEvents > 0 && reader.eventCount >= abortAfterEvents) this.hangUp()
  }

  drained(): void {
    if (this.isSent && Number.isNaN(this.sentAtUs)) this.sentAtUs = this.#host.nowUs()
  }

  ended(): void {
    if (this.isOver) return this.#wire?.close()
    this.#finish('fin', this.isSent ? 'none' : 'connect')
  }

  closed(code: string | null): void {
    if (this.isOver) return
    if (!this.isSent) this.#finish('reset', 'connect')
    else this.#finish(code === null ? 'fin' : 'reset', 'none')
  }

  #write(): void {
    const wire = this.#wire
    if (wire === null) return
    this.writtenAtUs = this.#host.nowUs()
    this.#lastByteAtUs = this.writtenAtUs
    wire.write(this.#bytes)
    this.#bytes = NOTHING
    // Taken in one call: the instant before it. After it the server, which the call woke, may have
    // had our core for a while.
    if (wire.unsentBytes === 0) this.sentAtUs = this.writtenAtUs
    this.#host.sent(this)
  }

  #finish(end: AnswerEnd, fault: Fault): void {
    this.isOver = true
    const nowUs = this.#host.nowUs()
    const reader = this.#reader
    const capture = end === 'complete' ? reader?.capture : reader?.end(end, nowUs)
    if (end === 'complete' && this.#wire !== null) this.#host.leaveLater(this.#wire)
    else this.#wire?.close()
    this.#host.ended(
      this,
      {
        index: this.request.index,
        attempt: this.request.attempt,
        dueUs: this.request.dueUs,
        connectUs: this.#connectUs,
        writtenAtUs: this.writtenAtUs,
        sentAtUs: this.sentAtUs,
        requestBytes: this.request.bodyBytes,
        connection: 'new',
        abortAtUs: this.#hungUpAtUs,
        fault,
        capture: capture ?? null,
      },
      capture?.end === 'complete' && capture.status < 400,
    )
  }
}
