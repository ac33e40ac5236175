/** What each thread of a replay is given. Pure. */
import type { MessageChannel, MessagePort } from '../base/threads.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { Plan } from '../workload/plan.ts'
import type { BuildOptions } from './body-builder.ts'
import type { BodyWorkerData } from './body-worker.ts'
import type { RowBound } from './live-results.ts'
import type { ReplayOptions } from './options.ts'
import type { PrefixFacts } from './prefix-gap.ts'
import type { ResultWorkerData } from './result-worker.ts'
import type { SendTarget, SendWorkerData } from './send-worker.ts'

export type ThreadPlan = Readonly<{
  plan: Plan
  options: ReplayOptions
  build: BuildOptions
  targets: readonly SendTarget[]
  models: readonly string[]
  targetNames: readonly string[]
  outPath: string
  header: TraceHeader
  /** Connections of one sending thread at once. */
  maxLinks: number
  /** See SinkOptions. */
  prefix: PrefixFacts | null
  /** See BodyWorkerData. */
  tokenizers: BodyWorkerData['tokenizers']
  /** What each finished request is held against while the run goes on. */
  bounds: readonly RowBound[]
}>

/** Connections stand this long before their request at most. */
const LEAD_US = 500_000

export type SharedPlan = Pick<
  Plan,
  'count' | 'columns' | 'shapes' | 'sessions' | 'blocks' | 'shard'
>

/** Only what threads need; columns that lie in shared memory are not copied. */
export function sharedPlan({ count, columns, shapes, sessions, blocks, shard }: Plan): SharedPlan {
  return { count, columns, shapes, sessions, blocks, shard }
}

export function resultData(
  input: ThreadPlan,
  plan: SharedPlan,
  results: readonly MessageChannel[],
  live: SharedArrayBuffer,
): Omit<ResultWorkerData, 'ends' | 'read'> {
  return {
    plan,
    models: input.models,
    targetNames: input.targetNames,
    ports: results.map(({ port2 }) => port2),
    outPath: input.outPath,
    isForced: input.options.isForced,
    header: input.header,
    prefix: input.prefix,
    live,
    bounds: input.bounds,
  }
}

export function sendData(
  input: ThreadPlan,
  counters: SharedArrayBuffer,
  admission: SharedArrayBuffer,
  [bodies, results]: readonly [MessagePort, MessagePort],
): Omit<SendWorkerData, 'worker' | 'concurrency'> {
  const { options, plan, targets } = input
  const { timeoutUs, stallUs, pacing, connections, retry, breaker } = options
  return {
    targets,
    limits: { leadUs: LEAD_US, timeoutUs, stallUs, maxLinks: input.maxLinks },
    pacing,
    connections,
    retry,
    breaker,
    seed: plan.seed,
    isSession: plan.mode.kind === 'session',
    ...limitsOf(options),
    counters,
    admission,
    bodies,
    results,
  }
}

/** Users of a closed loop; an open one has no end of them. */
export function usersOf({ mode }: Plan): number {
  return mode.kind === 'closed' ? mode.concurrency : Number.POSITIVE_INFINITY
}

/** @returns null for an open loop */
export function share(users: number, workers: number, at: number): number | null {
  if (users === Number.POSITIVE_INFINITY) return null
  return Math.floor(users / workers) + (at < users % workers ? 1 : 0)
}

export function limitsOf({ maxInFlight, maxPerSecond }: ReplayOptions) {
  return { maxInFlight, maxPerSecond }
}
