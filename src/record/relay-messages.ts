/** What the main thread and the threads that only relay say to each other. Types, and their shares. */
import type { MessagePort } from '../base/threads.ts'
import type { HostPort } from '../base/parse.ts'
import type { Tally } from '../stats/octaves.ts'
import type { RecordOptions } from './options.ts'

/** Connection ids of one thread; they are 32 bits in a batch. */
export const IDS_PER_THREAD = 2 ** 26
export const MAX_THREADS = 32

export function threadOf(connection: number): number {
  return Math.floor(connection / IDS_PER_THREAD)
}

/** What one relaying thread is told at its start; it can be cloned. */
export type RelayWork = Readonly<{
  /** 0 is the main thread. */
  index: number
  routes: readonly Readonly<{
    name: string
    listen: HostPort
    socket: number | null
    upstream: string
  }>[]
}> &
  Pick<
    RecordOptions,
    | 'dialSilentUs'
    | 'connectTimeoutUs'
    | 'idleTimeoutUs'
    | 'totalTimeoutUs'
    | 'maxConnections'
    | 'queueBytes'
    | 'queueRecords'
    | 'tls'
    | 'isProxied'
    | 'proxyVersion'
    | 'mustRecord'
    | 'asksUsage'
  >

/** Limits of the whole are shared out evenly. */
export function relayWork(options: RecordOptions, index: number): RelayWork {
  const { workers, tls, isProxied, proxyVersion, mustRecord, asksUsage } = options
  const { dialSilentUs, connectTimeoutUs, idleTimeoutUs, totalTimeoutUs } = options
  return {
    index,
    routes: options.routes.map((route) => ({ ...route, upstream: route.upstream.href })),
    dialSilentUs,
    connectTimeoutUs,
    idleTimeoutUs,
    totalTimeoutUs,
    maxConnections: Math.ceil(options.maxConnections / workers),
    queueBytes: Math.ceil(options.queueBytes / workers),
    queueRecords: Math.ceil(options.queueRecords / workers),
    tls,
    isProxied,
    proxyVersion,
    mustRecord,
    asksUsage,
  }
}

/** Figures of one relaying thread. */
export type RelayStatus = Readonly<{
  connections: number
  /** Requests that were not handed to the observer. */
  shed: number
  /** Some of them not long ago, for want of room. */
  isBehind: boolean
  /** What was added to each chunk so far. */
  delays: Tally
  upstreamProblem: string | null
}>

export type ToRelay =
  /** The way to the observer, at its start and whenever there is a new one. */
  | Readonly<{ type: 'observer'; port: MessagePort }>
  /** Connections that wait are let in. */
  | Readonly<{ type: 'begin' }>
  | Readonly<{ type: 'reload' }>
  | Readonly<{ type: 'recording'; isPaused: boolean; isWriting: boolean }>
  | Readonly<{ type: 'idle'; pairs: Float64Array; beforeUs: number }>
  | Readonly<{ type: 'drain' }>
  | Readonly<{ type: 'cut' }>
  | Readonly<{ type: 'close'; patienceUs: number }>

export type FromRelay =
  | Readonly<{ type: 'listening' }>
  | Readonly<{ type: 'refused'; code: string; message: string }>
  | Readonly<{ type: 'status'; status: RelayStatus }>
  /** It takes no more connections, and the last one has ended. */
  | Readonly<{ type: 'empty' }>
