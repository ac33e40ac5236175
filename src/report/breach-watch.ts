/**
 * Ends a run as soon as an objective is surely missed, by a rule that may be looked at every second.
 * Pure but for what it is told to do.
 */
import { EXIT, TraceError } from '../base/errors.ts'
import { formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import type { RunHooks } from '../replay/run-hooks.ts'
import { MAX_BOUNDS, type RowBound } from '../replay/live-results.ts'
import type { EventRow } from '../trace/columns.ts'
import { jsonObject, numberIn, textIn, wrongJson } from '../trace/json-column.ts'
import { correlationLength } from '../stats/dependence.ts'
import { logExcessEvidence } from '../stats/sequential.ts'
import { shareOf } from './metric.ts'
import type { Objective } from './objective.ts'
import { rowLatencyOf } from './slo.ts'

/** An objective that single requests meet or miss. */
export type WatchedObjective = Readonly<{
  text: string
  bound: RowBound
  /** Share of requests that may be beyond. */
  allowed: number
}>

export type Breach = Readonly<{
  objective: string
  /** `budget`: more are beyond than the whole run may have. `evidence`: it could not be chance. */
  rule: 'budget' | 'evidence'
  beyond: number
  requests: number
  allowed_share: number
  /** Requests that count as one, because they came close together or resemble each other. */
  requests_per_trial: number
  /** How much likelier a share above the allowed one makes what was seen; natural logarithm. */
  log_evidence: number
}>

/** Chance that a run which meets all its objectives is ended. */
const FALSE_ALARM = 0.01
/** What happens within this time counts as one event: a pause of the server hits all requests in it. */
const TRIAL_US = 5_000_000
const LOOK_US = 1_000_000
/** Dependence is told from so many of the latest requests at most. */
const MAX_CORRELATED = 20_000

/** @throws TraceError BAD_OPTION where none of the objectives can be told from single requests */
export function watchedObjectives(objectives: readonly Objective[]): WatchedObjective[] {
  const watched = objectives.flatMap(({ text, quantity, limit }): WatchedObjective[] => {
    if (quantity.kind === 'rate') {
      if (quantity.name !== 'error_rate') return []
      return [{ text, bound: { latency: null, limitUs: 0 }, allowed: limit }]
    }
    const latency = rowLatencyOf(quantity.metric)
    if (latency === null || quantity.statistic === 'mean') return []
    return [{ text, bound: { latency, limitUs: limit }, allowed: 1 - shareOf(quantity.statistic) }]
  })
  if (watched.length > 0 && watched.length <= MAX_BOUNDS) return watched
  throw new TraceError(
    'BAD_OPTION',
    watched.length === 0
      ? '--abort-on-breach wants an --slo that single requests meet or miss'
      : `--abort-on-breach can watch ${MAX_BOUNDS} objectives at once, not ${watched.length}`,
    { hint: "For example --slo 'ttft.p99<2s' or --slo 'error_rate<1%'." },
  )
}

/**
 * @param beyond one for each request in order of the plan, 1 where it is beyond
 * @param planned requests of the whole run
 * @param perTrial requests that come within one trial's time
 * @param level chance of a false alarm
 * @returns null while the objective may still be met
 */
export function judgeBreach(
  { text, allowed }: WatchedObjective,
  beyond: Float64Array,
  { planned, perTrial, level }: Readonly<{ planned: number; perTrial: number; level: number }>,
): Breach | null {
  const events = beyond.reduce((sum, mark) => sum + mark, 0)
  const trials = beyond.length
  if (events === 0 || events <= allowed * trials) return null
  const length = Math.max(1, perTrial, correlationLength(beyond.subarray(-MAX_CORRELATED)))
  const evidence = logExcessEvidence(events / length, trials / length, Math.max(allowed, 1e-9))
  const rule =
    events > allowed * planned ? 'budget' : evidence >= -Math.log(level) ? 'evidence' : null
  return (
    rule && {
      objective: text,
      rule,
      beyond: events,
      requests: trials,
      allowed_share: allowed,
      requests_per_trial: length,
      log_evidence: evidence,
    }
  )
}

/** @param tell where to say why the run ends */
export function breachHooks(
  watched: readonly WatchedObjective[],
  tell: (line: string) => void,
): RunHooks {
  const state = { controls: null as Parameters<NonNullable<RunHooks['onBegin']>>[0] | null }
  let nextUs = 0
  return {
    bounds: watched.map(({ bound }) => bound),
    onBegin: (controls) => (state.controls = controls),
    onProgress({ elapsedUs, due, planned }) {
      const { controls } = state
      if (controls === null || elapsedUs < nextUs || due === 0) return
      nextUs = elapsedUs + LOOK_US
      const rules = {
        planned,
        perTrial: (due * TRIAL_US) / Math.max(TRIAL_US, elapsedUs),
        level: FALSE_ALARM / watched.length,
      }
      for (const [index, objective] of watched.entries()) {
        const breach = judgeBreach(objective, controls.live.beyond(index, due), rules)
        if (breach === null) continue
        tell(`ends here: ${breachText(breach, elapsedUs)}`)
        controls.note('breach', breach)
        controls.stop(EXIT.threshold)
        state.controls = null
        return
      }
    },
  }
}

/** What ended a run early, from its events. */
export function breachNotes(events: readonly EventRow[]): string[] {
  return events
    .filter(({ kind, detail }) => kind === 'breach' && detail !== null)
    .map(({ atUs, detail }) => `ended early by a ${breachText(breachOf(detail), atUs)}`)
}

function breachOf(detail: string | null): ToldBreach {
  const told = jsonObject(detail, 'event.detail')
  const number = (name: keyof ToldBreach) => {
    const value = numberIn(told, name)
    if (value !== null) return value
    throw wrongJson('event.detail', `a breach without ${name}`)
  }
  return {
    objective: textIn(told, 'objective') ?? 'an objective',
    rule: textIn(told, 'rule') === 'budget' ? 'budget' : 'evidence',
    beyond: number('beyond'),
    requests: number('requests'),
    allowed_share: number('allowed_share'),
    log_evidence: number('log_evidence'),
  }
}

type ToldBreach = Omit<Breach, 'requests_per_trial'>

function breachText(breach: ToldBreach, atUs: number): string {
  const { objective, beyond, requests, allowed_share: allowed, rule } = breach
  const why =
    rule === 'budget'
      ? 'more than the whole run may have'
      : `by chance less than once in ${formatCount(Math.min(1e9, Math.exp(breach.log_evidence)))} such runs`
  return (
    `breach of ${objective} at ${formatDuration(atUs)}: ${formatCount(beyond)} of ` +
    `${plural(requests, 'request')} beyond, ${formatShare(allowed)} allowed; ${why}`
  )
}
