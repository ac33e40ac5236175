/** Turns what the relay saw into rows. Runs in its own thread; pure but for what it is given. */
import { inflate } from '../stream/inflate.ts'
import { interpret } from '../stream/interpret.ts'
import type { AnswerCapture, Observation } from '../stream/observation.ts'
import { describeRequest, endpointOf } from '../stream/request-facts.ts'
import type { StopReason } from '../stream/http-reader.ts'
import { RECORD, type RecordKind } from './batch.ts'
import { ConnectionView, type ExchangeSink, type ViewOptions } from './connection-view.ts'
import type { MetricSample } from './count-check.ts'
import type { Enricher, Enrichment } from './enricher.ts'
import type { BareEnd, Exchange } from './exchange.ts'
import type { ObserverCounts } from './messages.ts'
import { threadOf } from './relay-messages.ts'
import { answeredRow, bareRow, openRow, type Row } from './request-row.ts'
import type { RowKeeper } from './row-keeper.ts'
import type { OpenFacts } from './tap.ts'

export type ObserverLimits = Omit<ViewOptions, 'sink' | 'headers'>

export type ObserverOptions = Readonly<{
  keeper: RowKeeper
  enricher: Enricher
  /** Monotonic µs at the trace's origin. */
  originUs: () => number
  limits: ObserverLimits
  /** A request is over; its row as far as it is known, kept or not. */
  onEnded?: (row: Row) => void
}>

/** The connection turned into something that is no longer HTTP, as it may. */
const LEGITIMATE_STOPS: ReadonlySet<StopReason> = new Set(['upgrade', 'tunnel'])

const EMPTY = Buffer.alloc(0)

export class Observer implements ExchangeSink {
  readonly #options: ObserverOptions
  readonly #views = new Map<number, ConnectionView>()
  /** Requests under way of which a row is kept. */
  readonly #live = new Map<Exchange, Row>()
  /** Not in the sample: followed, since later turns depend on them, but no row is kept. */
  readonly #dropped = new Map<Exchange, Row>()
  /** Rows that wait for something asked elsewhere. */
  readonly #late = new Set<Promise<void>>()
  requests = 0
  hungUp = 0
  failed = 0
  unreadable = 0
  passed = 0
  serverCounted = 0

  constructor(options: ObserverOptions) {
    this.#options = options
  }

  get counts(): Omit<
    ObserverCounts,
    'segments' | 'fileBytes' | 'gapRows' | 'lostRows' | 'recorded'
  > {
    const { requests, hungUp, failed, unreadable, passed, serverCounted } = this
    const inFlight = this.#live.size + this.#dropped.size
    const unwritten = this.#live.size + this.#options.keeper.waitingCount
    return { requests, hungUp, failed, unreadable, passed, serverCounted, inFlight, unwritten }
  }

  /** Takes one record of the relay; `bytes` is valid during the call. */
  take(kind: RecordKind, id: number, atUs: number, bytes: Buffer, from: number, to: number): void {
    if (kind === RECORD.open) return this.#openView(id, atUs, bytes, from, to)
    const view = this.#views.get(id)
    if (view === undefined) return
    switch (kind) {
      case RECORD.clientBytes:
        return view.pushClient(bytes, from, to, atUs)
      case RECORD.upstreamBytes:
        return view.pushUpstream(bytes, from, to, atUs)
      case RECORD.connected:
        return view.connected(bytes.readUInt32LE(from))
      case RECORD.stalled:
        return view.stalled(bytes.readUInt32LE(from))
      case RECORD.clientEnd:
        return view.clientEnded(atUs)
      case RECORD.refused:
        return view.refused(atUs)
      case RECORD.upstreamEnd:
        return view.ended('fin', atUs)
      case RECORD.upstreamReset:
        return view.ended('reset', atUs)
      case RECORD.clientReset:
        return view.clientReset(atUs)
      case RECORD.timeout:
        return view.ended('timeout', atUs)
      case RECORD.lost:
        return this.#forget(id, view, atUs)
      case RECORD.closed:
        view.closed(atUs)
        this.#views.delete(id)
    }
  }

  /** Puts what is under way where a crash leaves it. */
  writeOpenRows(): void {
    for (const [exchange, row] of this.#live) {
      if (this.#options.enricher.decidesLate && exchange.facts === null) continue
      const wanted = exchange.sentAtUs === null ? 'head' : 'whole'
      if (exchange.written === wanted) continue
      exchange.written = wanted
      this.#options.keeper.open({ ...openRow(exchange, this.#originUs), ...row })
    }
  }

  /** Resolves once no row waits for anything. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  /** The server's counters, now. */
  noteMetrics(samples: readonly MetricSample[]): void {
    let tokens = 0
    let streams = 0
    for (const view of this.#views.values()) {
      const count = view.liveTokens
      if (count === null) continue
      tokens += count
      streams += 1
    }
    this.#options.enricher.metrics(samples, tokens, streams)
  }

  /** Connections between two requests, each with the client bytes seen of it. */
  idlePairs(): Float64Array {
    const pairs: number[] = []
    for (const [id, view] of this.#views) if (view.isIdle) pairs.push(id, view.clientBytes)
    return Float64Array.from(pairs)
  }

  onBegin(exchange: Exchange, target: string): void {
    const endpoint = endpointOf(exchange.method, target)
    if (endpoint === null) {
      this.passed += 1
      return
    }
    exchange.endpoint = endpoint
    exchange.seq = this.#options.keeper.takeSeq()
    this.requests += 1
    this.#live.set(exchange, {})
  }

  onSent(exchange: Exchange, body: Buffer, isCut: boolean): void {
    if (exchange.seq === null) return
    const plain = plainBody(body, exchange.headers.get('content-encoding'))
    exchange.facts = describeRequest(exchange.endpoint, plain ?? EMPTY, isCut || plain === null)
    const { row, blocks, isKept } = this.#options.enricher.request(exchange, exchange.facts)
    if (isKept === false) {
      this.#live.delete(exchange)
      this.#dropped.set(exchange, row)
      return
    }
    this.#options.keeper.addBlocks(blocks)
    this.#live.set(exchange, row)
  }

  onAnswered(exchange: Exchange, capture: AnswerCapture): void {
    if (exchange.seq === null) return
    const { enricher } = this.#options
    const seen = interpret(capture, {
      endpoint: exchange.endpoint,
      isStream: exchange.facts?.isStream === true,
      keepAnswer: enricher.wantsAnswer(exchange),
    })
    const row = answeredRow(exchange, seen, this.#originUs)
    const extra = enricher.answer(exchange, seen, row)
    this.#count(seen, this.#dropped.has(exchange))
    if (extra.later === undefined) return this.#end(exchange, row, extra)
    const late = extra.later.then((found) => this.#end(exchange, row, found))
    this.#late.add(late)
    void late.finally(() => this.#late.delete(late))
  }

  onBareEnd(exchange: Exchange, end: BareEnd): void {
    if (exchange.seq === null) return
    if (end.outcome === 'client_abort') this.hungUp += 1
    else this.failed += 1
    const extra = this.#options.enricher.bareEnd(exchange)
    this.#end(exchange, bareRow(exchange, end, this.#originUs), extra)
  }

  onUnreadable(exchanges: readonly Exchange[], reason: StopReason, atUs: number): void {
    for (const exchange of exchanges) {
      this.onBareEnd(exchange, { outcome: 'unobserved_end', status: null, atUs })
    }
    if (LEGITIMATE_STOPS.has(reason)) return
    this.unreadable += 1
    const at = atUs - this.#originUs
    this.#options.keeper.addGap({ fromUs: at, toUs: at, reason: 'unreadable', count: 1 })
  }

  get #originUs(): number {
    return this.#options.originUs()
  }

  /** @param isDropped it leaves no row, whose counts could come from the server */
  #count(seen: Observation, isDropped: boolean): void {
    if (seen.outcome === 'client_abort') this.hungUp += 1
    else if (seen.outcome !== 'ok') this.failed += 1
    if (seen.tokenSource === 'server' && !isDropped) this.serverCounted += 1
  }

  #end(exchange: Exchange, row: Row, extra: Enrichment): void {
    const early = this.#live.get(exchange) ?? this.#dropped.get(exchange)
    this.#live.delete(exchange)
    const whole = { ...early, ...row, ...extra.row }
    this.#options.onEnded?.(whole)
    if (this.#dropped.delete(exchange)) return
    this.#options.keeper.addBlocks(extra.blocks)
    this.#options.keeper.complete(whole)
  }

  #openView(id: number, atUs: number, bytes: Buffer, from: number, to: number): void {
    this.#views.get(id)?.forget(atUs)
    const facts = JSON.parse(bytes.toString('utf8', from, to)) as OpenFacts
    const { limits, enricher } = this.#options
    this.#views.set(
      id,
      new ConnectionView(facts, {
        ...limits,
        headers: ['content-encoding', ...enricher.headers],
        sink: this,
      }),
    )
  }

  /** Connections of a relaying thread that is gone. */
  forgetThread(index: number, atUs: number): void {
    for (const [id, view] of this.#views) if (threadOf(id) === index) this.#forget(id, view, atUs)
  }

  #forget(id: number, view: ConnectionView, atUs: number): void {
    view.forget(atUs)
    this.#views.delete(id)
  }
}

function plainBody(body: Buffer, coding: string | undefined): Buffer | null {
  if (coding === undefined) return body
  const plain = inflate(body, coding.toLowerCase())
  return plain === null ? null : Buffer.from(plain.buffer, plain.byteOffset, plain.length)
}
