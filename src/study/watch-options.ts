/** What else may watch, or end, a replay. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { watchedObjectives, type WatchedObjective } from '../report/breach-watch.ts'
import type { ReportingOptions } from '../report/report-options.ts'

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
  /** Spans of the server are wanted beside ours. */
  isTraced: boolean
}>

/** @throws TraceError BAD_OPTION */
export function parseWatchOptions(
  raw: RawWatchOptions,
  { objectives, otlp }: ReportingOptions,
): WatchOptions {
  const isTraced = otlp !== null
  if (raw.abortOnBreach !== true) return { watched: [], isTraced }
  if (objectives.length === 0) {
    throw new TraceError('BAD_OPTION', '--abort-on-breach wants an --slo to watch')
  }
  return { watched: watchedObjectives(objectives), isTraced }
}
