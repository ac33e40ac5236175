/** What else may watch, or end, a replay. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { watchedObjectives, type WatchedObjective } from '../report/breach-watch.ts'
import type { Objective } from '../report/objective.ts'

export const WATCH_FLAGS = {
  abortOnBreach: {
    flags: '--abort-on-breach',
    description: 'end the run as soon as an --slo is surely missed',
  },
} as const

export type RawWatchOptions = { abortOnBreach?: true }

export type WatchOptions = Readonly<{
  /** Objectives whose breach ends the run; none: nothing does. */
  watched: readonly WatchedObjective[]
}>

/** @throws TraceError BAD_OPTION */
export function parseWatchOptions(
  raw: RawWatchOptions,
  objectives: readonly Objective[],
): WatchOptions {
  if (raw.abortOnBreach !== true) return { watched: [] }
  if (objectives.length === 0) {
    throw new TraceError('BAD_OPTION', '--abort-on-breach wants an --slo to watch')
  }
  return { watched: watchedObjectives(objectives) }
}
