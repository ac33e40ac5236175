/** One request from opening its connection to the end of its answer. Effects: only through its host. */
import { AnswerReader } from '../stream/answer-reader.ts'
import type { AnswerEnd } from '../stream/observation.ts'
import type { Fault, FlightResult, ReadyRequest } from './flight-result.ts'
import type { Link } from './link.ts'
import type { WireEvents } from './wire.ts'

/** What a flight needs of the thread that it flies in. */
export interface FlightHost {
  nowUs(): number
  /** Requests may have to be sent a second time. */
  readonly keepsBytes: boolean
  /** @param isReplacement a connection that was used before has failed it: it gets a new one */
  openLink(flight: Flight, isReplacement: boolean): Link
  sent(flight: Flight): void
  served(nowUs: number, sizeBytes: number): void
  /** @param isKept the server will take another request on it */
  leave(link: Link, isKept: boolean): void
  /** @param isAnswered the answer is whole and its status is not an error */
  ended(flight: Flight, result: FlightResult, isAnswered: boolean): void
}

const NOTHING = new Uint8Array(0)

export class Flight implements WireEvents {
  readonly request: ReadyRequest
  readonly #host: FlightHost
  /** Let go once written: many answers outlast their requests by far. */
  #bytes: Uint8Array
  #link: Link | null = null
  #reader: AnswerReader | null = null
  #isDue = false
  /** Not one byte has come back. */
  #isSilent = true
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

  /** What was, or is to be, written; nothing once it was let go. */
  get requestBytes(): Uint8Array {
    return this.#bytes
  }

  /** It was due and was let in: it counts against --max-in-flight. */
  get isAdmitted(): boolean {
    return this.#isDue
  }

  get isSent(): boolean {
    return !Number.isNaN(this.writtenAtUs)
  }

  open(isReplacement = false): void {
    this.#openedAtUs = this.#host.nowUs()
    this.#reader = new AnswerReader()
    this.#link = this.#host.openLink(this, isReplacement)
    if (this.#isDue && this.#link.isConnected) this.#write()
  }

  /** Writes now, or as soon as the connection stands. */
  send(): void {
    this.#isDue = true
    if (this.#link?.isConnected === true) this.#write()
  }

  hangUp(): void {
    if (this.isOver || !this.isSent) return
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
    this.#connectUs = this.#host.nowUs() - this.#openedAtUs
    if (this.#isDue && !this.isOver) this.#write()
  }

  bytes(buffer: Buffer, sizeBytes: number): void {
    const nowUs = this.#host.nowUs()
    this.#isSilent = false
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
    if (this.isOver) this.#link?.close()
    else this.#broken('fin')
  }

  closed(code: string | null): void {
    if (!this.isOver) this.#broken(code === null ? 'fin' : 'reset')
  }

  #broken(end: 'fin' | 'reset'): void {
    const isReused = this.#link?.isReused === true
    if (this.isSent) {
      // The server let go of an idle connection while our bytes were under way: its right, our bad luck.
      const isRace = isReused && this.#reader?.status === null && this.#isSilent
      this.#finish(end, isRace ? 'keepalive_race' : 'none')
    } else if (isReused) {
      this.#link?.abandon()
      this.open(true)
    } else {
      this.#finish(end, 'connect')
    }
  }

  #write(): void {
    const link = this.#link
    if (link === null) return
    this.writtenAtUs = this.#host.nowUs()
    this.#lastByteAtUs = this.writtenAtUs
    link.write(this.#bytes)
    if (!this.#host.keepsBytes) this.#bytes = NOTHING
    // Taken in one call: the instant before it. After it the server, which the call woke, may have
    // had our core for a while.
    if (link.unsentBytes === 0) this.sentAtUs = this.writtenAtUs
    this.#host.sent(this)
  }

  #finish(end: AnswerEnd, fault: Fault): void {
    this.isOver = true
    const nowUs = this.#host.nowUs()
    const reader = this.#reader
    const capture = end === 'complete' ? reader?.capture : reader?.end(end, nowUs)
    const link = this.#link
    const used = link?.isReused === true ? 'reused' : 'new'
    if (end === 'complete' && link !== null) this.#host.leave(link, reader?.isKeepAlive === true)
    else link?.close()
    this.#host.ended(
      this,
      {
        index: this.request.index,
        attempt: this.request.attempt,
        isFinal: true,
        dueUs: this.request.dueUs,
        connectUs: this.#connectUs,
        writtenAtUs: this.writtenAtUs,
        sentAtUs: this.sentAtUs,
        requestBytes: this.request.bodyBytes,
        connection: fault === 'keepalive_race' ? 'race' : used,
        abortAtUs: this.#hungUpAtUs,
        endedAtUs: nowUs,
        fault,
        capture: capture ?? null,
      },
      capture?.end === 'complete' && capture.status < 400,
    )
  }
}
