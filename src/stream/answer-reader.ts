/** Reads the answers that come back on one connection. Pure. */
import { ANSWER_HEADERS, AnswerCollector, type CollectorLimits } from './answer-collector.ts'
import type { MessageHead } from './http-head.ts'
import { HttpReader, type HttpSink, type StopReason } from './http-reader.ts'
import type { AnswerCapture, AnswerEnd } from './observation.ts'

export interface AnswerSink {
  /** The method of the oldest request without an answer; null if there is none. */
  methodOfNext(): string | null
  /** The answer to it begins; `collector` counts live. */
  onAnswerBegin(collector: AnswerCollector): void
  /** It is over, by its framing or since the connection ended. */
  onAnswer(capture: AnswerCapture, isKeepAlive: boolean): void
  /** No more answers can be read from this connection, though its bytes may go on. */
  onStop(reason: StopReason, atUs: number): void
}

/** For a relay: any number of answers, pipelined ones too. */
export class AnswerStream implements HttpSink {
  readonly #sink: AnswerSink
  readonly #limits: CollectorLimits
  readonly #reader: HttpReader
  #collector: AnswerCollector | null = null
  #isKeepAlive = false

  constructor(sink: AnswerSink, limits: CollectorLimits = {}) {
    this.#sink = sink
    this.#limits = limits
    this.#reader = new HttpReader(this, {
      kind: 'answer',
      headers: ANSWER_HEADERS,
      methodOfNext: () => sink.methodOfNext(),
    })
  }

  /** The answer that is passing now. */
  get collector(): AnswerCollector | null {
    return this.#collector
  }

  get isStopped(): boolean {
    return this.#reader.isStopped
  }

  push(bytes: Buffer, from: number, to: number, atUs: number): void {
    this.#reader.push(bytes, from, to, atUs)
  }

  /** The connection ended: an answer that was under way ends with it. */
  close(how: Exclude<AnswerEnd, 'complete'>, atUs: number): void {
    if (how === 'fin') this.#reader.close(atUs)
    else this.#reader.stop()
    this.#finish(how, atUs)
  }

  /** Looks no further; an answer under way is given up as it stands. */
  stop(): void {
    this.#reader.stop()
    this.#collector = null
  }

  onHead(head: MessageHead): void {
    this.#isKeepAlive = head.isKeepAlive
    this.#collector = new AnswerCollector(head, this.#limits)
    this.#sink.onAnswerBegin(this.#collector)
  }

  onBody(bytes: Buffer, from: number, to: number, atUs: number): void {
    this.#collector?.push(bytes, from, to, atUs)
  }

  onEnd(atUs: number): void {
    this.#finish('complete', atUs)
  }

  onStop(reason: StopReason, atUs: number): void {
    this.#sink.onStop(reason, atUs)
  }

  #finish(how: AnswerEnd, atUs: number): void {
    const collector = this.#collector
    this.#collector = null
    if (collector !== null) this.#sink.onAnswer(collector.finish(how, atUs), this.#isKeepAlive)
  }
}

export type AnswerReaderOptions = CollectorLimits & Readonly<{ isHead?: boolean }>

/** For a client: one answer, then a new reader. */
export class AnswerReader {
  readonly #stream: AnswerStream
  #collector: AnswerCollector | null = null
  #capture: AnswerCapture | null = null
  #stopReason: StopReason | null = null
  #isKeepAlive = false

  constructor(options: AnswerReaderOptions = {}) {
    const method = options.isHead === true ? 'HEAD' : 'GET'
    this.#stream = new AnswerStream(
      {
        methodOfNext: () => (this.#collector === null ? method : null),
        onAnswerBegin: (collector) => void (this.#collector = collector),
        onAnswer: (capture, isKeepAlive) => {
          this.#capture = capture
          this.#isKeepAlive = isKeepAlive
        },
        onStop: (reason) => void (this.#stopReason = reason),
      },
      options,
    )
  }

  /** @returns true once the answer is whole */
  push(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    this.#stream.push(bytes, from, to, atUs)
    return this.#capture !== null
  }

  /** The connection or our patience ended. @returns null where not even a head came */
  end(how: Exclude<AnswerEnd, 'complete'>, atUs: number): AnswerCapture | null {
    this.#stream.close(how, atUs)
    return this.#capture
  }

  /** The whole answer, or what came of it until `end`; null before. */
  get capture(): AnswerCapture | null {
    return this.#capture
  }

  /** The server's bytes were no answer that can be followed. */
  get stopReason(): StopReason | null {
    return this.#stopReason
  }

  get isComplete(): boolean {
    return this.#capture?.end === 'complete'
  }

  /** The connection may carry another request once the answer is whole. */
  get isKeepAlive(): boolean {
    return this.#isKeepAlive && this.isComplete && !this.#stream.isStopped
  }

  get status(): number | null {
    return this.#collector?.status ?? null
  }

  /** Token-bearing events so far. */
  get eventCount(): number {
    return this.#collector?.tokenEventCount ?? 0
  }

  get firstTokenAtUs(): number | null {
    return this.#collector?.firstTokenAtUs ?? null
  }
}
