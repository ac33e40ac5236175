/** Did the answers come back whole and of the planned size, and are there enough of them? Pure. */
import { formatCount, formatDuration, formatShare, plural, significant } from '../base/format.ts'
import { correlationLength } from '../stats/dependence.ts'
import { pearson, ranksOf } from '../stats/correlation.ts'
import { known, rowsWhere } from '../stats/growing.ts'
import { quantiles } from '../stats/quantile.ts'
import { atMost, type Finding, unmeasured, withLimit } from './finding.ts'
import type { Delivery, RunFacts } from './run-facts.ts'

const OFF_WARN_SHARE = 0.01
const OFF_FAIL_SHARE = 0.1
const OFF_LIMITS = { warnAbove: OFF_WARN_SHARE, failAbove: OFF_FAIL_SHARE } as const

/**
 * Prompts and whole answers whose size differs from the planned one. Servers with a tokenizer of their own
 * count most prompts a little differently; what spoils the stimulus is how many tokens that makes.
 */
export function checkTokens({ delivery, kind }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  if (delivery === null) return unmeasured('planned sizes not kept')
  const { promptExact, promptOff, outputExact, outputOff } = delivery
  const told = promptExact + promptOff + outputExact + outputOff
  if (told === 0) return unmeasured('no answer told its size')
  const share = Math.max(
    promptOff / Math.max(1, promptExact + promptOff),
    outputOff / Math.max(1, outputExact + outputOff),
  )
  if (promptOff + outputOff === 0) return atMost(0, OFF_LIMITS, 'share', 'tokens exact')
  const says = `sizes off: ${plural(promptOff, 'prompt')}, ${plural(outputOff, 'answer')}`
  const tokens = tokensOff(delivery)
  if (tokens === null) return atMost(share, OFF_LIMITS, 'share', says)
  const found = atMost(share, { warnAbove: OFF_WARN_SHARE }, 'share', '')
  const status = tokens > OFF_FAIL_SHARE ? 'fail' : found.status
  const words = `${says} (${formatShare(tokens)} of tokens)`
  if (status === 'pass') return { ...found, says: words }
  const limit =
    status === 'fail'
      ? `${formatShare(OFF_FAIL_SHARE, 0)} of tokens`
      : `${formatShare(OFF_WARN_SHARE, 0)} of requests`
  return { ...found, status, says: withLimit(words, limit) }
}

/** The larger share of tokens by which sizes were off; null in results that did not count it. */
function tokensOff(delivery: Delivery): number | null {
  const { promptTokens, promptTokensOff, outputTokens, outputTokensOff } = delivery
  if (promptTokens + outputTokens === 0) return null
  return Math.max(
    promptTokensOff / Math.max(1, promptTokens),
    outputTokensOff / Math.max(1, outputTokens),
  )
}

/** Answers that failed in any way that was not planned; what the run's end cut off is no answer. */
export function checkErrors({ side }: RunFacts): Finding {
  const { total, failed, not_sent: notSent, end_unseen: endUnseen } = side.requests
  if (total === notSent) return { ...unmeasured('no requests'), status: 'fail' }
  const ended = total - notSent - endUnseen
  if (ended === 0) return { ...unmeasured('no request ended'), status: 'warn' }
  const share = failed / ended
  return atMost(
    share,
    { warnAbove: 0.01, failAbove: 0.5 },
    'share',
    `${formatCount(failed)} failed (${formatShare(share)})`,
  )
}

/**
 * Whole answers whose tokens nobody counted. A replay asks for usage: where a server gives none, there
 * are only events to count, and any of them may hold several tokens.
 */
export function checkCounting({ side, watch, kind }: RunFacts): Finding {
  const { ok } = side.requests
  if (ok === 0) return unmeasured('no whole answers')
  const byEvents = kind === 'replayed' ? watch.eventCountedCount / ok : 0
  const share = Math.max(watch.uncountedCount / ok, byEvents)
  const how =
    share > 0 && share === byEvents
      ? 'counted by their events: the server gave no usage'
      : 'uncounted'
  return atMost(share, { warnAbove: 0.01 }, 'share', `${formatShare(share)} of answers ${how}`)
}

/** Planned hang-ups that came too late: the answer had ended. */
export function checkHangUps({ delivery }: RunFacts): Finding {
  if (delivery === null) return unmeasured('planned hang-ups not kept')
  const planned = delivery.hungUp + delivery.hangUpMissed
  if (planned === 0) return unmeasured('no hang-ups planned')
  const share = delivery.hangUpMissed / planned
  return atMost(
    share,
    { warnAbove: 0.1 },
    'share',
    `${formatCount(delivery.hungUp)} of ${formatCount(planned)} hung up as planned`,
  )
}

/** Streams that paused because their reader was slow say nothing about the server. */
export function checkStalls({ side, kind }: RunFacts): Finding {
  if (kind !== 'replayed' || side.requests.total === 0) return unmeasured('not a replay')
  const share = side.stalled / side.requests.total
  return atMost(
    share,
    { warnAbove: 0.01 },
    'share',
    `${plural(side.stalled, 'stream')} stalled by us`,
  )
}

/** Are there enough answers to say anything about TTFT, or end to end where nothing streams? */
export function checkSamples({ side }: RunFacts): Finding {
  const metric = side.metrics.ttft_due ?? side.metrics.e2e_due
  if (metric === null) return { ...unmeasured('no latency at all'), status: 'warn' }
  const missing = (['p50', 'p95', 'p99'] as const).filter((name) => metric[name] === null)
  const says =
    missing.length === 0
      ? plural(metric.n, 'sample')
      : `${plural(metric.n, 'sample')} (worth ${formatCount(metric.n_effective)}): no ${missing.join(', ')}`
  return {
    status: metric.p50 === null ? 'warn' : 'pass',
    value: metric.n_effective,
    limit: null,
    unit: 'samples',
    says,
  }
}

const MIN_FOR_TREND = 100
const TREND_WARN = 3

/**
 * Did TTFT and the requests in flight both keep rising? Then the server fell behind, and each percentile
 * depends on how long the run was.
 */
export function checkStationarity({ watch, kind }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const ttft = watch.latency.columns.ttftDue.view()
  const rows = rowsWhere(ttft.length, (row) => !Number.isNaN(ttft[row]!))
  if (rows.length < MIN_FOR_TREND) return unmeasured('too few answers for a trend')
  const ranks = ranksOf(Float64Array.from(rows, (row) => ttft[row]!))
  const rise = pearson(
    Float64Array.from(rows, (_, index) => index),
    ranks,
  )
  const effective = Math.max(4, rows.length / correlationLength(ranks))
  const t = (rise * Math.sqrt(effective - 2)) / Math.sqrt(Math.max(1e-12, 1 - rise * rise))
  const flight = inFlightAtDue(watch.columns.at.view(), watch.columns.end.view())
  const [early = 0] = quantiles(flight.subarray(0, flight.length >> 1), [0.5])
  const [late = 0] = quantiles(flight.subarray(flight.length - (flight.length >> 2)), [0.5])
  const isGrowing = (t > TREND_WARN || rise > 0.8) && late > 2 * early + 8
  const third = Math.floor(rows.length / 3)
  const medianOf = (part: Uint32Array) =>
    quantiles(
      Float64Array.from(part, (row) => ttft[row]!),
      [0.5],
    )[0]!
  const says = isGrowing
    ? `TTFT kept rising: ${formatDuration(medianOf(rows.slice(0, third)))} → ` +
      `${formatDuration(medianOf(rows.slice(-third)))}, ${formatCount(late)} in flight at the end (limit ${formatCount(2 * early + 8)})`
    : `no steady rise (trend ${significant(t, 2)})`
  return { status: isGrowing ? 'warn' : 'pass', value: t, limit: TREND_WARN, unit: 't', says }
}

/** Requests under way at each due instant. */
export function inFlightAtDue(at: Float64Array, end: Float64Array): Float64Array {
  const ends = known(end).toSorted()
  const counts = new Float64Array(at.length)
  let begun = 0
  let ended = 0
  for (let row = 0; row < at.length; row += 1) {
    while (ended < ends.length && ends[ended]! <= at[row]!) ended += 1
    counts[row] = Math.max(0, begun - ended)
    if (!Number.isNaN(end[row]!)) begun += 1
  }
  return counts
}
