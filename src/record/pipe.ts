/**
 * One client connection and its one upstream connection: bytes go through unchanged and first.
 * Ends, resets, pauses and hang-ups of one side are shown to the other as they are.
 * Effects: dials, writes to and closes sockets.
 */
import { reasonOf } from '../base/reason.ts'
import { dial, resetSocket, type Socket } from '../base/socket.ts'
import { RECORD } from './batch.ts'
import { newWaiting, patienceOver, type Waiting } from './patience.ts'
import { REFUSAL_BYTES, type PipeContext, type PipeLimits, type Upstream } from './pipe-context.ts'
import { Tap } from './tap.ts'
import { UsageAsker } from './usage-asker.ts'

const UNRESOLVED = 'its name does not resolve'

export class Pipe {
  readonly id: number
  /** What the connection is waiting for, and since when. */
  readonly waiting: Waiting
  readonly #context: PipeContext
  readonly #target: Upstream
  readonly #client: Socket
  readonly #asker: UsageAsker | null
  readonly #preamble: Buffer | null
  #upstream: Socket | null = null
  #pausedAtUs = 0
  #isGone = false
  readonly tap: Tap

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
    this.waiting = newWaiting(context.nowUs())
    client.on('data', (bytes: Buffer) => this.#onClientBytes(bytes))
    client.on('drain', () => this.#resumeUpstream())
    client.on('end', () => this.#onClientEnd())
    client.on('error', () => this.#onClientError())
    client.on('close', () => this.#onClientClose())
  }

  /** The client never said anything: a port scan, or a connection opened ahead of need. */
  get isUnused(): boolean {
    return this.tap.clientBytes === 0
  }

  #onClientBytes(bytes: Buffer): void {
    const atUs = this.#context.nowUs()
    this.waiting.movedAtUs = atUs
    if (this.waiting.refusedAtUs > 0) return
    const upstream = this.#upstream ?? this.#dial(atUs)
    if (upstream === null) return this.#refuse(atUs, bytes, UNRESOLVED)
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
    this.waiting.dialledAtUs = atUs
    const upstream = dial(address, {
      tls,
      buffer: this.#context.readBuffer,
      onBytes: (buffer, sizeBytes) => this.#onUpstreamBytes(buffer, sizeBytes),
      allowHalfOpen: true,
    })
    this.#upstream = upstream
    upstream.on(tls === null ? 'connect' : 'secureConnect', () => this.#onConnected())
    upstream.on('drain', () => this.#client.resume())
    upstream.on('end', () => this.#onUpstreamEnd())
    upstream.on('error', (error) => this.#onUpstreamError(error))
    upstream.on('close', () => this.#onUpstreamClose())
    if (this.#preamble !== null) upstream.write(this.#preamble)
    return upstream
  }

  #onConnected(): void {
    this.waiting.isConnected = true
    this.#target.onReached()
    const atUs = this.#context.nowUs()
    this.tap.note(RECORD.connected, atUs, atUs - this.waiting.dialledAtUs)
  }

  #onUpstreamBytes(buffer: Buffer, sizeBytes: number): boolean {
    const { feed, nowUs, delays } = this.#context
    const atUs = nowUs()
    this.waiting.movedAtUs = atUs
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

  #onClientEnd(): void {
    const atUs = this.#context.nowUs()
    this.tap.note(RECORD.clientEnd, atUs)
    if (this.#upstream === null) this.#client.end()
    else endAfter(this.#upstream, this.#asker?.clientEnded())
  }

  #onUpstreamEnd(): void {
    const atUs = this.#context.nowUs()
    this.waiting.upstreamEndedAtUs = atUs
    this.tap.note(RECORD.upstreamEnd, atUs)
    endAfter(this.#client, this.#asker?.upstreamEnded())
  }

  #onClientError(): void {
    const atUs = this.#context.nowUs()
    this.#endStall(atUs)
    this.tap.note(RECORD.clientReset, atUs)
    if (this.#upstream !== null) resetSocket(this.#upstream)
  }

  #onUpstreamError(error: Error): void {
    const atUs = this.#context.nowUs()
    if (!this.waiting.isConnected) return this.#refuse(atUs, null, reasonOf(error))
    this.#endStall(atUs)
    this.tap.note(RECORD.upstreamReset, atUs)
    const client = this.#client
    if (this.#asker !== null) client.write(this.#asker.upstreamEnded())
    // What the server had said before still goes out; then the client sees the reset.
    if (client.writableLength === 0) resetSocket(client)
    else client.write('', () => resetSocket(client))
  }

  /** @param bytes what the client sent and nobody will get, where that was not told before */
  #refuse(atUs: number, bytes: Buffer | null, reason: string): void {
    if (this.#client.destroyed) return
    if (bytes !== null) this.tap.client(bytes, atUs)
    this.waiting.refusedAtUs = atUs
    this.tap.note(RECORD.refused, atUs)
    this.#target.onUnreachable(reason)
    this.#context.onRefused()
    // An answer before any request would be taken for that of the next one.
    if (this.tap.clientBytes === 0) return resetSocket(this.#client)
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
    if (this.waiting.refusedAtUs > 0 || this.#client.destroyed) return this.#settle()
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
    const unsentBytes = this.#client.writableLength
    if (unsentBytes < this.waiting.unsentBytes) this.waiting.movedAtUs = nowUs
    this.waiting.unsentBytes = unsentBytes
    switch (patienceOver(this.waiting, nowUs, limits)) {
      case 'dial':
        if (this.#dial(nowUs) === null) this.#refuse(nowUs, null, UNRESOLVED)
        return
      case 'give-up':
        return void this.#upstream?.destroy(new Error('connect'))
      case 'leave':
        return void this.#client.destroy()
      case 'cut':
        return this.cut()
      case 'time-out':
        return this.#timeOut(nowUs)
      case 'wait':
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

/** @param held kept back so far, and not followed by more */
function endAfter(socket: Socket, held?: Buffer): void {
  if (held !== undefined && held.length > 0) socket.write(held)
  socket.end()
}
