/** What a passive HTTP reader tells about the messages that pass. Types only. */
import type { LossReason, MessageHead, MessageKind } from './http-head.ts'

/** Why observing ended though nothing was wrong: the bytes are no longer HTTP/1.1 messages. */
export type StopReason = LossReason | 'upgrade' | 'tunnel'

/** What the reader tells; every call comes from inside `push` or `close`. */
export interface HttpSink {
  onHead(head: MessageHead): void
  /** Body without framing. The bytes belong to the caller of `push`: copy what stays. */
  onBody(bytes: Buffer, from: number, to: number, atUs: number): void
  onEnd(atUs: number): void
  /** Nothing follows: this direction is no longer observed. A message may be half read. */
  onStop(reason: StopReason, atUs: number): void
}

export type HttpReaderOptions = Readonly<{
  kind: MessageKind
  /** Lower-case names of headers whose values the sink wants. */
  headers?: readonly string[]
  /** For answers: the method of the request that the next final answer belongs to; null if none. */
  methodOfNext?: () => string | null
  maxHeadBytes?: number
}>
