/** What `trace plan` and `trace replay` can be told about the load. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount, parseDurationUs, parseFactor } from '../base/parse.ts'
import { parseDrift, type Drift } from './drift.ts'
import { parseJitter, type Jitter } from './jitter.ts'

export type WorkloadOptions = Readonly<{
  /** Window on the trace's clock: from ≤ at < to. */
  fromUs: number | null
  toUs: number | null
  /** Requests to send at most, the earliest. */
  limit: number | null
  /** Recorded time over replayed time: 2 is twice as fast. Above 0. */
  speed: number
  jitter: Jitter
  drifts: readonly Drift[]
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
  from: { flags: '--from <duration>', description: 'leave out what came earlier in the trace' },
  to: { flags: '--to <duration>', description: 'leave out what came at this time or later' },
  limit: { flags: '--limit <count>', description: 'send so many requests at most' },
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
    speed: parseFactor('--speed', raw.speed),
    jitter: parseJitter('--jitter', raw.jitter),
    drifts: (raw.drift ?? []).map((text) => parseDrift('--drift', text)),
    failed: parseChoice('--failed', raw.failed, ['send', 'skip']),
    abortAt: parseChoice('--abort-at', raw.abortAt, ['recorded', 'time', 'tokens', 'never']),
    seed: raw.seed,
  }
}

function optional<T>(text: string | undefined, parse: (text: string) => T): T | null {
  return text === undefined ? null : parse(text)
}
