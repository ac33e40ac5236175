/**
 * One client connection and its one upstream connection: bytes go through unchanged and first.
 * Ends, resets, pauses and hang-ups of one side are shown to the other as they are.
 * Effects: dials, writes to and closes sockets.
 */
import { reasonOf } from '../base/reason.ts'
import { dial, resetSocket, type Socket } from '../base/socket.ts'
import { RECORD } from './batch.ts'
import { REFUSAL_BYTES, type PipeContext, type PipeLimits, type Upstream } from './pipe-context.ts'
import { Tap } from './tap.ts'
import { UsageAsker } from './usage-asker.ts'

/** An answered connection whose server left, while the client neither reads nor leaves. */
const HALF_CLOSED_US = 60_000_000
/** After a refusal the rest of the request is read and dropped, so that no reset eats the answer. */
const REFUSED_LINGER_US = 2_000_000

export class Pipe {
  readonly id: number
  readonly openedAtUs: number
  readonly #context: PipeContext
  readonly #target: Upstream
  readonly #client: Socket
  readonly #asker: UsageAsker | null
  readonly #preamble: Buffer | null
  #upstream: Socket | null = null
  #isConnected = false
  #dialledAtUs = 0
  #pausedAtUs = 0
  #upstreamEndedAtUs = 0
  #refusedAtUs = 0
  #isGone = false
  readonly tap: Tap
  lastByteAtUs: number

  /** @param preamble goes to the upstream before the client's first byte */
  constructor(
    id: number,
    client: Socket,
    preamble: Buffer | null,
    target: Upstream,
    context: PipeContext,
  ) {
    this.id = id
    this.#client = client
    this.#preamble = preamble
    this.#asker = context.asksUsage ? new UsageAsker() : null
    this.#target = target
    this.#context = context
    this.tap = new Tap(id, target.route, context.feed)
    this.openedAtUs = context.nowUs()
    this.lastByteAtUs = this.openedAtUs
    client.on('data', (bytes: Buffer) => this.#onClientBytes(bytes))
    client.on('drain', () => this.#resumeUpstream())
    client.on('end', () => this.#onClientEnd())
    client.on('error', () => this.#onClientError())
    client.on('close', () => this.#onClientClose())
  }

  get isAnswering(): boolean {
    return this.#upstream !== null
  }

  /** Nothing was ever sent on it: a port scan, or a connection opened ahead of need. */
  get isUnused(): boolean {
    return this.#upstream === null && this.#refusedAtUs === 0
  }

  #onClientBytes(bytes: Buffer): void {
    const atUs = this.#context.nowUs()
    this.lastByteAtUs = atUs
    if (this.#refusedAtUs > 0) return
    const upstream = this.#upstream ?? this.#dial(atUs)
    if (upstream === null) return this.#refuse(atUs, bytes, 'its name does not resolve')
    if (this.#context.mustRecord) {
      this.tap.client(bytes, atUs)
      if (!this.#context.mayPass(this.tap)) return this.cut()
    }
    const sent = this.#asker === null ? bytes : this.#asker.fromClient(bytes)
    const canTakeMore = sent.length === 0 || upstream.write(sent)
    if (!this.#context.mustRecord) this.tap.client(bytes, atUs)
    if (!canTakeMore) this.#client.pause()
  }

  #dial(atUs: number): Socket | null {
    const address = this.#target.address()
    if (address === null) return null
    const tls = this.#target.tls()
    this.#dialledAtUs = atUs
    const upstream = dial(address, {
      tls,
      buffer: this.#context.readBuffer,
      onBytes: (buffer, sizeBytes) => this.#onUpstreamBytes(buffer, sizeBytes),
      allowHalfOpen: true,
    })
    this.#upstream = upstream
    upstream.on(tls === null ? 'connect' : 'secureConnect', () => this.#onConnected())
    upstream.on('drain', () => this.#resumeClient())
    upstream.on('end', () => this.#onUpstreamEnd())
    upstream.on('error', (error) => this.#onUpstreamError(error))
    upstream.on('close', () => this.#onUpstreamClose())
    if (this.#preamble !== null) upstream.write(this.#preamble)
    return upstream
  }

  #onConnected(): void {
    this.#isConnected = true
    this.#target.onReached()
    const atUs = this.#context.nowUs()
    this.tap.note(RECORD.connected, atUs, atUs - this.#dialledAtUs)
  }

  #onUpstreamBytes(buffer: Uint8Array, sizeBytes: number): boolean {
    const { feed, nowUs, delays } = this.#context
    const atUs = nowUs()
    this.lastByteAtUs = atUs
    const kept = this.tap.upstream(buffer, sizeBytes, atUs)
    const bytes = kept ?? Buffer.copyBytesFrom(buffer, 0, sizeBytes)
    const told = this.#asker === null ? bytes : this.#asker.fromUpstream(bytes)
    const canTakeMore = told.length === 0 || this.#client.write(told)
    delays.add(atUs, nowUs())
    if (kept !== null && this.#client.writableLength > 0) feed.pin()
    if (canTakeMore || this.#client.destroyed) return true
    this.#pausedAtUs = atUs
    // Under TLS the socket is paused by `dial`; a plain one stops reading on false.
    return false
  }

  #resumeUpstream(): void {
    if (this.#pausedAtUs === 0) return
    this.#endStall(this.#context.nowUs())
    this.#upstream?.resume()
  }

  /** Before whatever ends the exchange: a client may leave without having read on. */
  #endStall(atUs: number): void {
    if (this.#pausedAtUs === 0) return
    this.tap.note(RECORD.stalled, atUs, atUs - this.#pausedAtUs)
    this.#pausedAtUs = 0
  }

  #resumeClient(): void {
    this.#client.resume()
  }

  #onClientEnd(): void {
    const atUs = this.#context.nowUs()
    this.tap.note(RECORD.clientEnd, atUs)
    if (this.#upstream === null) this.#client.end()
    else this.#upstream.end()
  }

  #onUpstreamEnd(): void {
    const atUs = this.#context.nowUs()
    this.#upstreamEndedAtUs = atUs
    this.tap.note(RECORD.upstreamEnd, atUs)
    this.#client.end()
  }

  #onClientError(): void {
    const atUs = this.#context.nowUs()
    this.#endStall(atUs)
    this.tap.note(RECORD.clientReset, atUs)
    if (this.#upstream !== null) resetSocket(this.#upstream)
  }

  #onUpstreamError(error: Error): void {
    const atUs = this.#context.nowUs()
    if (!this.#isConnected) return this.#refuse(atUs, null, reasonOf(error))
    this.#endStall(atUs)
    this.tap.note(RECORD.upstreamReset, atUs)
    const client = this.#client
    // What the server had said before still goes out; then the client sees the reset.
    if (client.writableLength === 0) resetSocket(client)
    else client.write('', () => resetSocket(client))
  }

  /** @param bytes what the client sent and nobody will get, where that was not told before */
  #refuse(atUs: number, bytes: Buffer | null, reason: string): void {
    if (this.#client.destroyed) return
    if (bytes !== null) this.tap.client(bytes, atUs)
    this.#refusedAtUs = atUs
    this.tap.note(RECORD.refused, atUs)
    this.#target.onUnreachable(reason)
    this.#context.onRefused()
    this.#client.resume()
    this.#client.end(REFUSAL_BYTES)
  }

  #onClientClose(): void {
    if (this.#upstream !== null && !this.#upstream.destroyed) {
      if (this.#client.readableEnded) this.#upstream.destroySoon()
      else resetSocket(this.#upstream)
    }
    this.#settle()
  }

  #onUpstreamClose(): void {
    if (this.#refusedAtUs > 0 || this.#client.destroyed) return this.#settle()
    if (this.#upstream?.readableEnded !== true) resetSocket(this.#client)
    this.#settle()
  }

  #settle(): void {
    if (this.#isGone || !this.#client.destroyed || this.#upstream?.destroyed === false) return
    this.#isGone = true
    const atUs = this.#context.nowUs()
    this.#endStall(atUs)
    this.tap.note(RECORD.closed, atUs)
    this.#context.onGone(this.id)
  }

  /** Ends a wait that has gone on for too long. */
  sweep(nowUs: number, limits: PipeLimits): void {
    const quietUs = nowUs - this.lastByteAtUs
    if (this.#refusedAtUs > 0 && nowUs - this.#refusedAtUs > REFUSED_LINGER_US) {
      this.#client.destroy()
    } else if (this.#dialledAtUs > 0 && !this.#isConnected && this.#refusedAtUs === 0) {
      if (nowUs - this.#dialledAtUs > limits.connectUs)
        this.#upstream?.destroy(new Error('connect'))
    } else if (this.#upstreamEndedAtUs > 0 && quietUs > HALF_CLOSED_US) {
      this.cut()
    } else if (limits.idleUs > 0 && quietUs > limits.idleUs) {
      this.#timeOut(nowUs)
    } else if (limits.totalUs > 0 && nowUs - this.openedAtUs > limits.totalUs) {
      this.#timeOut(nowUs)
    }
  }

  #timeOut(nowUs: number): void {
    this.tap.note(RECORD.timeout, nowUs)
    this.cut()
  }

  /** Ends both sides politely: for a connection that is between two requests. */
  close(): void {
    if (this.#upstream === null) this.#client.destroySoon()
    this.#client.end()
    this.#upstream?.end()
  }

  /** Ends both sides at once, so that neither takes what it has for the whole. */
  cut(): void {
    this.tap.note(RECORD.lost, this.#context.nowUs())
    resetSocket(this.#client)
    if (this.#upstream !== null) resetSocket(this.#upstream)
  }
}
