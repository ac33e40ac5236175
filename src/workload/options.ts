/** What `trace plan` and `trace replay` can be told about the load. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount, parseDurationUs, parseFactor } from '../base/parse.ts'
import { parseAnomaly, type Anomaly } from './anomaly.ts'
import { parseDrift, type Drift } from './drift.ts'
import { parseJitter, type Jitter } from './jitter.ts'
import type { PlanShard, ReplayMode } from './plan.ts'
import { parseRamp, parseRateSteps } from './ramp.ts'
import type { RateCurve } from './rate-warp.ts'
import type { SessionGaps } from './session-gaps.ts'
import { parseShard } from './shard.ts'

export type WorkloadOptions = Readonly<{
  /** Window on the trace's clock: from ≤ at < to. */
  fromUs: number | null
  toUs: number | null
  /** Requests to send at most, the earliest. */
  limit: number | null
  /** Sends later than this on the clock sent are left out. */
  durationUs: number | null
  /** Coarse timestamps are spread inside their step. */
  isDequantised: boolean
  /** Pauses of all traffic are no longer than this. */
  maxGapUs: number | null
  /** How many times the window is sent, one after the other. */
  loop: number
  /** Users over recorded users; fewer by leaving out whole sessions or whole tenants. */
  rateScale: Readonly<{ factor: number; by: 'sessions' | 'tenants' }>
  sessionGaps: SessionGaps
  /** Factor of the rate on the clock sent. */
  ramp: RateCurve | null
  /** The same from a file. */
  rateCurvePath: string | null
  mode: ReplayMode
  /** One part of the plan only. */
  shard: PlanShard | null
  /** Recorded time over replayed time: 2 is twice as fast. Above 0. */
  speed: number
  jitter: Jitter
  drifts: readonly Drift[]
  anomalies: readonly Anomaly[]
  /** Rows that failed in the source: sent as the demand they were, or left out. */
  failed: 'send' | 'skip'
  /** Where rows that were hung up are hung up again. */
  abortAt: 'recorded' | 'time' | 'tokens' | 'never'
  seed: string
}>

type Flag = Readonly<{
  flags: string
  description: string
  default?: string
  isRepeatable?: boolean
}>

/** The flags, their help and the only place where their defaults stand. */
export const WORKLOAD_FLAGS = {
  speed: {
    flags: '--speed <factor>',
    description: 'recorded time over replayed time',
    default: '1x',
  },
  rateScale: {
    flags: '--rate-scale <factor[:tenants]>',
    description: 'users over recorded users, at unchanged time scales; fewer: whole sessions go',
    default: '1x',
  },
  sessionGaps: {
    flags: '--session-gaps <scale|keep|asap>',
    description: 'pauses inside sessions under --speed: scaled too, as recorded, or none',
    default: 'scale',
  },
  mode: {
    flags: '--mode <open|session|closed=N>',
    description: 'when later turns go: at their time, after the answer, or N at once',
    default: 'open',
  },
  jitter: {
    flags: '--jitter <duration[:shape]>',
    description: 'blur of each send time: uniform (±), normal (sd), exponential (mean)',
    default: '0ms',
  },
  drift: {
    flags: '--drift <change>',
    description: "a change on the way, e.g. 'input=x1.5 at 10m over 5m' (repeatable)",
    isRepeatable: true,
  },
  anomaly: {
    flags: '--anomaly <event>',
    description: "e.g. 'burst=x5 at 10m for 30s', also wild:TENANT=xN, oversized=xN, silence",
    isRepeatable: true,
  },
  ramp: { flags: '--ramp <curve>', description: "rate over time, e.g. '1x..4x over 10m'" },
  rateSteps: { flags: '--rate-steps <steps>', description: "the same, e.g. '1x,2x,4x every 5m'" },
  rateCurve: { flags: '--rate-curve <file>', description: 'the same from CSV: at_s,factor' },
  maxGap: { flags: '--max-gap <duration>', description: 'shorten longer pauses of all traffic' },
  dequantise: {
    flags: '--dequantise',
    description: 'spread coarse timestamps inside their step, seeded',
  },
  loop: { flags: '--loop <count>', description: 'send the window so many times', default: '1' },
  duration: { flags: '--duration <duration>', description: 'stop sending after so long' },
  from: { flags: '--from <duration>', description: 'leave out what came earlier in the trace' },
  to: { flags: '--to <duration>', description: 'leave out what came at this time or later' },
  limit: { flags: '--limit <count>', description: 'send so many requests at most' },
  shard: { flags: '--shard <i/N>', description: 'only this part of the plan, sessions whole' },
  failed: {
    flags: '--failed <send|skip>',
    description: 'rows that the recorded server failed',
    default: 'send',
  },
  abortAt: {
    flags: '--abort-at <recorded|time|tokens|never>',
    description:
      'where to hang up again: recorded is by time before the first token, then by tokens',
    default: 'recorded',
  },
  seed: {
    flags: '--seed <text>',
    description: 'same trace, options and seed: same plan',
    default: '1',
  },
} as const satisfies Record<string, Flag>

type Flags = typeof WORKLOAD_FLAGS

/** As commander hands them over. */
export type RawWorkloadOptions = {
  [K in keyof Flags]: Flags[K] extends { default: string }
    ? string
    : Flags[K] extends { isRepeatable: true }
      ? readonly string[] | undefined
      : K extends 'dequantise'
        ? boolean | undefined
        : string | undefined
}

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseWorkloadOptions(raw: RawWorkloadOptions): WorkloadOptions {
  const fromUs = optional(raw.from, (text) => parseDurationUs('--from', text))
  const toUs = optional(raw.to, (text) => parseDurationUs('--to', text))
  if (toUs !== null && toUs <= (fromUs ?? 0)) {
    throw new TraceError(
      'EMPTY_WINDOW',
      `nothing lies between --from ${raw.from ?? '0'} and --to ${raw.to}`,
    )
  }
  return {
    fromUs,
    toUs,
    limit: optional(raw.limit, (text) => parseCount('--limit', text, 1)),
    durationUs: optional(raw.duration, (text) => parseDurationUs('--duration', text)),
    isDequantised: raw.dequantise === true,
    maxGapUs: optional(raw.maxGap, (text) => parseDurationUs('--max-gap', text)),
    loop: parseCount('--loop', raw.loop, 1),
    rateScale: parseRateScale(raw.rateScale),
    sessionGaps: parseChoice('--session-gaps', raw.sessionGaps, ['scale', 'keep', 'asap']),
    ramp: parseCurve(raw),
    rateCurvePath: raw.rateCurve ?? null,
    mode: parseMode(raw.mode),
    shard: optional(raw.shard, (text) => parseShard('--shard', text)),
    speed: parseFactor('--speed', raw.speed),
    jitter: parseJitter('--jitter', raw.jitter),
    drifts: (raw.drift ?? []).map((text) => parseDrift('--drift', text)),
    anomalies: (raw.anomaly ?? []).map((text) => parseAnomaly('--anomaly', text)),
    failed: parseChoice('--failed', raw.failed, ['send', 'skip']),
    abortAt: parseChoice('--abort-at', raw.abortAt, ['recorded', 'time', 'tokens', 'never']),
    seed: raw.seed,
  }
}

/** A load as it was recorded: every flag at its default. */
export function plainWorkload(): WorkloadOptions {
  const defaults = Object.entries(WORKLOAD_FLAGS).map(([key, flag]) => [
    key,
    'default' in flag ? flag.default : undefined,
  ])
  return parseWorkloadOptions(Object.fromEntries(defaults) as RawWorkloadOptions)
}

function optional<T>(text: string | undefined, parse: (text: string) => T): T | null {
  return text === undefined ? null : parse(text)
}

function parseRateScale(text: string): WorkloadOptions['rateScale'] {
  const [digits = '', by, more] = text.split(':')
  const factor = parseFactor('--rate-scale', digits)
  if (more !== undefined || (by !== undefined && by !== 'tenants')) {
    throw new TraceError('BAD_OPTION', `--rate-scale wants 2x, 0.5x or 0.5x:tenants, got '${text}'`)
  }
  if (by === 'tenants' && factor > 1) {
    throw new TraceError('BAD_OPTION', '--rate-scale can leave out whole tenants, not add them', {
      hint: "To let one tenant grow: --drift 'mix:tenant:NAME=x3'.",
    })
  }
  return { factor, by: by ?? 'sessions' }
}

function parseMode(text: string): ReplayMode {
  const [, digits] = /^closed=(.+)$/.exec(text) ?? []
  if (digits !== undefined)
    return { kind: 'closed', concurrency: parseCount('--mode closed=', digits, 1) }
  if (text === 'open' || text === 'session') return { kind: text }
  throw new TraceError('BAD_OPTION', `--mode wants open, session or closed=N, got '${text}'`)
}

function parseCurve(raw: RawWorkloadOptions): RateCurve | null {
  const given = [raw.ramp, raw.rateSteps, raw.rateCurve].filter((text) => text !== undefined)
  if (given.length > 1) {
    throw new TraceError('BAD_OPTION', 'of --ramp, --rate-steps and --rate-curve one at most')
  }
  return (
    optional(raw.ramp, (text) => parseRamp('--ramp', text)) ??
    optional(raw.rateSteps, (text) => parseRateSteps('--rate-steps', text))
  )
}
