/** What one connection tells the observer, and whether the observer still knows it. Effects: none. */
import { RECORD, type RecordKind } from './batch.ts'
import type { Feed } from './feed.ts'

/** Facts of a connection that go before its bytes. */
export type OpenFacts = Readonly<{
  route: string
  /** Client bytes before this point that the observer was not shown. */
  clientBytes: number
  /** Requests begun on it before, as far as can be told without reading them. */
  turns: number
}>

export class Tap {
  readonly #id: number
  readonly #route: string
  readonly #feed: Feed
  /** The feed's epoch in which the observer knows this connection; 0: it does not. */
  #epoch = 0
  #isClientTurn = false
  #turns = 0
  clientBytes = 0

  constructor(id: number, route: string, feed: Feed) {
    this.#id = id
    this.#route = route
    this.#feed = feed
  }

  /** The observer sees what passes here. */
  get isFollowed(): boolean {
    return this.#epoch === this.#feed.epoch
  }

  /** A request that begins where bytes were missed before makes the connection readable again. */
  client(bytes: Buffer, atUs: number): void {
    const feed = this.#feed
    const first = firstMeant(bytes)
    const isStart = !this.#isClientTurn && isUpperCase(first)
    if (first !== undefined) this.#isClientTurn = true
    if (isStart && (this.#epoch !== feed.epoch || feed.isPaused)) {
      if (!this.#introduce(atUs)) feed.shed(atUs)
    }
    if (isStart) this.#turns += 1
    this.clientBytes += bytes.length
    if (this.#epoch !== feed.epoch) return
    const copy = feed.put(RECORD.clientBytes, this.#id, atUs, bytes, bytes.length)
    if (copy === null) this.#lose(atUs)
    else if (isStart) feed.begin()
  }

  /** @returns a copy that stays as it is, or null where the observer does not follow */
  upstream(buffer: Buffer, sizeBytes: number, atUs: number): Buffer | null {
    this.#isClientTurn = false
    if (this.#epoch !== this.#feed.epoch) return null
    const copy = this.#feed.put(RECORD.upstreamBytes, this.#id, atUs, buffer, sizeBytes)
    if (copy === null) this.#lose(atUs)
    return copy
  }

  /** Records what has no bytes, or one number below 2^32. */
  note(kind: RecordKind, atUs: number, value?: number): void {
    if (this.#epoch !== this.#feed.epoch) return
    const bytes = value === undefined ? null : numberBytes(value)
    if (this.#feed.put(kind, this.#id, atUs, bytes, bytes?.length ?? 0) === null) this.#lose(atUs)
  }

  #introduce(atUs: number): boolean {
    // What the observer knew of this connection before, it is told to forget.
    this.note(RECORD.closed, atUs)
    this.#epoch = 0
    if (!this.#feed.canBegin()) return false
    const facts: OpenFacts = {
      route: this.#route,
      clientBytes: this.clientBytes,
      turns: this.#turns,
    }
    const bytes = Buffer.from(JSON.stringify(facts))
    if (this.#feed.put(RECORD.open, this.#id, atUs, bytes, bytes.length) === null) return false
    this.#epoch = this.#feed.epoch
    return true
  }

  #lose(atUs: number): void {
    this.#feed.put(RECORD.lost, this.#id, atUs, null, 0)
    this.#epoch = 0
    this.#feed.shed(atUs)
  }
}

/** The first byte after line ends, which may stand before a request and mean nothing. */
function firstMeant(bytes: Buffer): number | undefined {
  let at = 0
  while (bytes[at] === 13 || bytes[at] === 10) at += 1
  return bytes[at]
}

function isUpperCase(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 65 && byte <= 90
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(Math.min(Math.max(0, value), 0xffff_ffff))
  return bytes
}
