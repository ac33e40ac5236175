/** What else may watch, or end, a replay. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { watchedObjectives, type WatchedObjective } from '../report/breach-watch.ts'
import type { ReportingOptions } from '../report/report-options.ts'

export const WATCH_FLAGS = {
  abortOnBreach: {
    flags: '--abort-on-breach',
    description: 'end the run as soon as an --slo is surely missed',
  },
  calibrate: {
    flags: '--calibrate',
    description:
      'at 1x through a recorder in front of the target: what the place of measuring costs',
  },
  probe: {
    flags: '--probe <rate>',
    description: 'an independent prober, e.g. 1/s, whose TTFT has to agree',
  },
} as const

export type RawWatchOptions = { abortOnBreach?: true; probe?: string; calibrate?: true }

export type WatchOptions = Readonly<{
  /** Objectives whose breach ends the run; none: nothing does. */
  watched: readonly WatchedObjective[]
  /** Spans of the server are wanted beside ours. */
  isTraced: boolean
  /** Run through a recorder in front of the target. */
  isCalibrating: boolean
  /** Questions a second of an independent prober; null: none. */
  probesPerSec: number | null
}>

/** @throws TraceError BAD_OPTION */
export function parseWatchOptions(
  raw: RawWatchOptions,
  { objectives, otlp }: ReportingOptions,
): WatchOptions {
  const isWatching = raw.abortOnBreach === true
  if (isWatching && objectives.length === 0) {
    throw new TraceError('BAD_OPTION', '--abort-on-breach wants an --slo to watch')
  }
  return {
    watched: isWatching ? watchedObjectives(objectives) : [],
    isTraced: otlp !== null,
    isCalibrating: raw.calibrate === true,
    probesPerSec: raw.probe === undefined ? null : parseRate('--probe', raw.probe),
  }
}

/** More would be load, not a second opinion. */
const MOST_PROBES_PER_SEC = 10

function parseRate(flag: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)\/(s|min)$/.exec(text) ?? []
  const perSecond = Number(count) / (unit === 'min' ? 60 : 1)
  if (count !== '' && perSecond > 0 && perSecond <= MOST_PROBES_PER_SEC) return perSecond
  throw new TraceError('BAD_OPTION', `${flag} wants a rate such as 1/s or 20/min, got '${text}'`, {
    hint: `At most ${MOST_PROBES_PER_SEC}/s.`,
  })
}
