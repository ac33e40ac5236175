/**
 * Follows both directions of one relayed connection and pairs requests with answers.
 *
 * Where the two could be paired wrongly it stops looking, and says how many were under way. Pure.
 */
import { AnswerStream } from '../stream/answer-reader.ts'
import type { MessageHead } from '../stream/http-head.ts'
import { HttpReader, type StopReason } from '../stream/http-reader.ts'
import type { AnswerCapture, AnswerEnd } from '../stream/observation.ts'
import { BodyKeeper, type BareEnd, type Exchange } from './exchange.ts'
import { upToHangup } from './late-answer.ts'
import type { OpenFacts } from './tap.ts'

export interface ExchangeSink {
  /** A request's head is there. Sets `seq` if the request is to be recorded. */
  onBegin(exchange: Exchange, target: string): void
  /** Its last byte too. `body` is what was kept of it. */
  onSent(exchange: Exchange, body: Buffer, isCut: boolean): void
  onAnswered(exchange: Exchange, capture: AnswerCapture): void
  /** It ended without an answer that can be read. */
  onBareEnd(exchange: Exchange, end: BareEnd): void
  /** Nothing more can be read from this connection; `exchanges` were under way. */
  onUnreadable(exchanges: readonly Exchange[], reason: StopReason, atUs: number): void
}

export type ViewOptions = Readonly<{
  sink: ExchangeSink
  /** Lower-case names of request headers that the sink wants. */
  headers: readonly string[]
  maxBodyBytes: number
  maxStreamBytes: number
  maxHeadBytes: number
}>

const EMPTY = Buffer.alloc(0)

export class ConnectionView {
  readonly #options: ViewOptions
  readonly #facts: OpenFacts
  readonly #requests: HttpReader
  readonly #answers: AnswerStream
  /** Requests without a whole answer, oldest first. */
  readonly #waiting: Exchange[] = []
  #incoming: { exchange: Exchange; body: BodyKeeper | null } | null = null
  #requestCount: number
  #connectUs: number | null = null
  #clientGoneAtUs: number | null = null
  /** Whole answers after the client had ended its side: a reset shows whether it had left. */
  readonly #late: { exchange: Exchange; capture: AnswerCapture }[] = []
  clientBytes: number

  constructor(facts: OpenFacts, options: ViewOptions) {
    this.#options = options
    this.#facts = facts
    this.#requestCount = facts.turns
    this.clientBytes = facts.clientBytes
    this.#requests = new HttpReader(
      {
        onHead: (head) => this.#onHead(head),
        onBody: (bytes, from, to) => this.#onBody(bytes, from, to),
        onEnd: (atUs) => this.#onSent(atUs),
        onStop: (reason, atUs) => this.#stop(reason, atUs),
      },
      { kind: 'request', headers: options.headers, maxHeadBytes: options.maxHeadBytes },
    )
    this.#answers = new AnswerStream(
      {
        methodOfNext: () => this.#waiting[0]?.method ?? null,
        onAnswerBegin: () => undefined,
        onAnswer: (capture) => this.#onAnswer(capture),
        onStop: (reason, atUs) => this.#stop(reason, atUs),
      },
      { maxBodyBytes: options.maxBodyBytes, maxStreamBytes: options.maxStreamBytes },
    )
  }

  /** Between two requests: ending the connection now would cut nothing. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#requests.isIdle && !this.#requests.isStopped
  }

  /** Token-bearing events of the answer that is passing; null where none is. */
  get liveTokens(): number | null {
    return this.#answers.collector?.tokenEventCount ?? null
  }

  pushClient(bytes: Buffer, from: number, to: number, atUs: number): void {
    this.clientBytes += to - from
    this.#requests.push(bytes, from, to, atUs)
  }

  pushUpstream(bytes: Buffer, from: number, to: number, atUs: number): void {
    this.#answers.push(bytes, from, to, atUs)
  }

  connected(connectUs: number): void {
    this.#connectUs = connectUs
    const first = this.#waiting[0]
    if (first?.connection === 'new') first.connectUs = connectUs
  }

  stalled(stallUs: number): void {
    const first = this.#waiting[0]
    if (first !== undefined) first.stallUs += stallUs
  }

  clientEnded(atUs: number): void {
    this.#clientGoneAtUs ??= atUs
  }

  /** The relay answered in the server's place. */
  refused(atUs: number): void {
    this.#endAll({ outcome: 'http_error', status: 502, atUs })
  }

  /** Nothing more comes from the server, or nobody is there to get it. */
  ended(how: Exclude<AnswerEnd, 'complete'>, atUs: number): void {
    const goneAtUs = this.#clientGoneAtUs
    const isHangup = how === 'hangup' || goneAtUs !== null
    const endAtUs = isHangup ? (goneAtUs ?? atUs) : atUs
    this.#answers.close(isHangup ? 'hangup' : how, endAtUs)
    const outcome = isHangup ? 'client_abort' : how === 'timeout' ? 'timeout' : 'upstream_reset'
    const first = this.#waiting[0]
    if (first?.connection === 'reused' && outcome === 'upstream_reset') first.connection = 'race'
    this.#endAll({ outcome, status: null, atUs: endAtUs })
  }

  /** The client's side was reset: had it ended that side before, it left then. */
  clientReset(atUs: number): void {
    const goneAtUs = this.#clientGoneAtUs ?? atUs
    for (const { exchange, capture } of this.#late.splice(0)) {
      const seen = upToHangup(capture, goneAtUs)
      if (seen !== null) this.#options.sink.onAnswered(exchange, seen)
      else {
        const end = { outcome: 'client_abort', status: null, atUs: goneAtUs } as const
        this.#options.sink.onBareEnd(exchange, end)
      }
    }
    this.ended('hangup', atUs)
  }

  /** Both sides are gone. */
  closed(atUs: number): void {
    this.ended('reset', atUs)
    this.#settleLate()
  }

  /** A client that only ended its side got its answer all the same. */
  #settleLate(): void {
    for (const { exchange, capture } of this.#late.splice(0)) {
      this.#options.sink.onAnswered(exchange, capture)
    }
  }

  /** Bytes were missed: what is under way cannot be told apart any more. */
  forget(atUs: number): void {
    this.#requests.stop()
    this.#answers.stop()
    this.#settleLate()
    this.#endAll({ outcome: 'unobserved_end', status: null, atUs })
  }

  #endAll(end: BareEnd): void {
    for (const exchange of this.#waiting.splice(0)) this.#options.sink.onBareEnd(exchange, end)
    this.#incoming = null
  }

  #onHead(head: MessageHead): void {
    const isFirst = this.#requestCount === 0
    this.#requestCount += 1
    const exchange: Exchange = {
      seq: null,
      endpoint: 'other',
      method: head.method,
      route: this.#facts.route,
      connection: isFirst ? 'new' : 'reused',
      connectUs: isFirst ? this.#connectUs : null,
      headers: head.headers,
      startedAtUs: head.startedAtUs,
      sentAtUs: null,
      requestBytes: 0,
      facts: null,
      stallUs: 0,
      written: 'no',
    }
    this.#waiting.push(exchange)
    this.#options.sink.onBegin(exchange, head.target)
    const expectedBytes = head.contentLength ?? 0
    const { maxBodyBytes } = this.#options
    const body = exchange.seq === null ? null : new BodyKeeper(expectedBytes, maxBodyBytes)
    this.#incoming = { exchange, body }
  }

  #onBody(bytes: Buffer, from: number, to: number): void {
    if (this.#incoming === null) return
    this.#incoming.exchange.requestBytes += to - from
    this.#incoming.body?.push(bytes, from, to)
  }

  #onSent(atUs: number): void {
    if (this.#incoming === null) return
    const { exchange, body } = this.#incoming
    this.#incoming = null
    exchange.sentAtUs = atUs
    this.#options.sink.onSent(exchange, body?.kept ?? EMPTY, body?.isCut === true)
  }

  #onAnswer(capture: AnswerCapture): void {
    const exchange = this.#waiting.shift()
    if (exchange === undefined) return
    const mayHaveLeft = this.#clientGoneAtUs !== null && capture.end === 'complete'
    if (mayHaveLeft) return void this.#late.push({ exchange, capture })
    this.#options.sink.onAnswered(exchange, capture)
  }

  #stop(reason: StopReason, atUs: number): void {
    this.#requests.stop()
    this.#answers.stop()
    this.#incoming = null
    this.#options.sink.onUnreadable(this.#waiting.splice(0), reason, atUs)
  }
}
