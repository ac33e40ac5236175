/**
 * What will be sent and when: the only thing that passes from `workload/` to `replay/`.
 *
 * Columns lie in shared memory, one copy for all workers, 48 bytes a request. Types only.
 */
import type { EndpointName } from '../trace/columns.ts'

export const NONE = 0xffff_ffff

/** Bits of `flags`. */
export const ABORT_BY_TIME = 1 // hang up `abortAt` µs after sent
export const ABORT_BY_TOKENS = 2 // hang up once `abortAt` tokens have arrived
export const FAILED_IN_SOURCE = 4 // the source row failed; sizes are drawn from rows that did not
export const SIZES_ESTIMATED = 8 // the source's counts were estimates
export const CONNECTION_REUSED = 16 // the source sent it over a connection used before

/** n requests in sending order: ascending by (dueUs, seq, copy). */
export type PlanColumns = Readonly<{
  /** µs from replay start. */
  dueUs: Float64Array
  /** Row of the source trace. */
  seq: Uint32Array
  /** Which superposed or looped copy; 0 is the row itself. */
  copy: Uint16Array
  flags: Uint16Array
  promptTokens: Uint32Array
  /** Tokens to ask for, exactly, with ignore_eos. For rows that hang up: more than will be read. */
  outputTokens: Uint32Array
  /** Index of the prefix leaf in `blocks`, or NONE. */
  leaf: Uint32Array
  /** Index in `sessions`, or NONE. */
  session: Uint32Array
  /** Index in this plan of the request whose answer comes first, or NONE. */
  parent: Uint32Array
  /** Session mode: µs from the parent's end to this request. */
  thinkUs: Float32Array
  /** µs or tokens, see flags. */
  abortAt: Float32Array
  /** Index in `shapes`. */
  shape: Uint32Array
}>

/** Everything about a request that many share: one entry for each distinct combination. */
export type RequestShape = Readonly<{
  endpoint: EndpointName
  isStream: boolean
  /** As recorded; `replay` maps it with --map-model. */
  model: string | null
  adapter: string | null
  tenant: string | null
  route: string | null
  target: string | null
  n: number
  inputCount: number
  priority: number | null
  /** Only of rows whose answer's length has to be drawn. */
  maxTokens: number | null
  /** Canonical JSON, as in the trace. */
  params: string | null
  imageSizes: string | null
  tools: number
  toolBytes: number
}>

/** Prefix blocks that the plan's leaves reach; parents come before children. */
export type PlanBlocks = Readonly<{
  id: BigUint64Array
  /** Index of the parent, or NONE. */
  parent: Uint32Array
  tokens: Uint32Array
}>

/**
 * - open: each request at its due instant
 * - session: first turns at theirs, a later turn its think time after its parent's answer ended
 * - closed: in this order, as soon as one of so many users is free
 */
export type ReplayMode =
  | Readonly<{ kind: 'open' | 'session' }>
  | Readonly<{ kind: 'closed'; concurrency: number }>

/** Which part of a plan this is; index from 0. */
export type PlanShard = Readonly<{ index: number; count: number }>

export type PlanStep = Readonly<{ name: string; arguments: Readonly<Record<string, unknown>> }>

export type Plan = Readonly<{
  count: number
  columns: PlanColumns
  shapes: readonly RequestShape[]
  sessions: readonly string[]
  blocks: PlanBlocks
  mode: ReplayMode
  /** null: all of it. The digest is always that of the whole plan. */
  shard: PlanShard | null
  /** µs from start to the last due instant. */
  spanUs: number
  /** SHA-256 of the schedule, hex: the same for the same trace, options and seed on any machine. */
  sha256: string
  seed: string
  /** Transforms in the order in which they were applied. */
  steps: readonly PlanStep[]
  /** Injected truth (drift, anomalies) on the clock sent, for the result's `event`s. */
  events: readonly Readonly<{ atUs: number; kind: string; detail: string }>[]
  /** Rows left out, by reason. */
  skipped: Readonly<Record<string, number>>
  source: Readonly<{
    rowDigest: string | null
    path: string
    addressHash: string | null
    addressSalt: string | null
  }>
}>
