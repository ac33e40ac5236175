/** What the relay's thread and the observer's thread say to each other. Types only. */
import type { MessagePort } from '../base/threads.ts'
import type { TraceHeader } from '../trace/header.ts'

export type GapReason =
  | 'queue_full'
  | 'observer_down'
  | 'paused'
  | 'writer_behind'
  | 'disk'
  | 'unreadable'

/** Requests that could not be recorded; absolute µs. */
export type Gap = Readonly<{ fromUs: number; toUs: number; count: number; reason: GapReason }>

export type BatchMessage = Readonly<{
  type: 'batch'
  /** Said again once the batch was read. */
  number: number
  memory: SharedArrayBuffer
  sizeBytes: number
  postedAtUs: number
}>

export type ToObserver =
  | BatchMessage
  /** Another relaying thread, whose messages come through the port. */
  | Readonly<{ type: 'attach'; index: number; port: MessagePort }>
  | Readonly<{ type: 'gap'; gap: Gap }>
  | Readonly<{
      type: 'event'
      atUs: number
      kind: string
      detail: Readonly<Record<string, unknown>>
    }>
  | Readonly<{ type: 'server'; server: TraceHeader['server'] }>
  | Readonly<{ type: 'rotate' }>
  /** Certificates for questions of our own are read again. */
  | Readonly<{ type: 'reload' }>
  /** From now on say which connections are idle. */
  | Readonly<{ type: 'drain' }>
  | Readonly<{ type: 'close' }>

export type ServerFacts = Readonly<{
  software: string | null
  version: string | null
  models: readonly string[]
  maxModelTokens: number | null
}>

/** Counted since the observer started. */
export type ObserverCounts = Readonly<{
  requests: number
  inFlight: number
  /** Begun, and neither left out by the sample, nor written to the end, nor told as lost. */
  unwritten: number
  recorded: number
  hungUp: number
  failed: number
  /** Requests on connections whose bytes could not be followed. */
  unreadable: number
  /** Requests that are not of a recorded endpoint. */
  passed: number
  serverCounted: number
  gapRows: number
  lostRows: number
  segments: number
  fileBytes: number
}>

export type FromObserver =
  | Readonly<{
      type: 'done'
      counts: ObserverCounts
      /** The batch whose memory may be filled again; null: figures only. */
      number: number | null
    }>
  /** Connections between two requests, with the client bytes seen of each, as pairs. */
  | Readonly<{ type: 'idle'; pairs: Float64Array }>
  /** The reason is in words, and told again when it changes. */
  | Readonly<{ type: 'writer'; state: 'ok' | 'degraded'; reason: string | null }>
  | Readonly<{ type: 'closed'; counts: ObserverCounts; digest: string | null }>
  | Readonly<{ type: 'down' }>
