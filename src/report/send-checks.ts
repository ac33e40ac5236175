/** Was the load sent as planned? Pure. */
import { formatCount, formatDuration, formatShare } from '../base/format.ts'
import { gapsOf } from '../stats/arrivals.ts'
import { ksDistance } from '../stats/distance.ts'
import { known } from '../stats/growing.ts'
import { describe } from '../stats/moments.ts'
import { quantiles } from '../stats/quantile.ts'
import { atMost, type Finding, unmeasured } from './finding.ts'
import { present } from './latency-watch.ts'
import type { RunFacts } from './run-facts.ts'

const LAG_P50_WARN_US = 1_000
const LAG_P50_FAIL_US = 10_000
const LAG_P99_WARN_US = 5_000
/** Lateness up to this share of the median TTFT does not move what is measured. */
const LAG_SHARE_OF_TTFT = 0.01

/** Lateness of each send. A constant lateness of all sends shows in its median. */
export function checkLag({ kind, watch, side }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const lag = present(watch.latency.columns.lag)
  if (lag.length === 0) return unmeasured('lag not measured')
  const [p50 = 0, p99 = 0] = quantiles(lag, [0.5, 0.99])
  const p99Limit = Math.max(
    LAG_P99_WARN_US,
    LAG_SHARE_OF_TTFT * (side.metrics.ttft?.p50?.value ?? 0),
  )
  const says = `lag p50 ${formatDuration(p50)}, p99 ${formatDuration(p99)}`
  if (p50 > LAG_P50_WARN_US) {
    return atMost(
      p50,
      { warnAbove: LAG_P50_WARN_US, failAbove: LAG_P50_FAIL_US },
      'us',
      says,
      'p50',
    )
  }
  return atMost(p99, { warnAbove: p99Limit, failAbove: 20 * p99Limit }, 'us', says, 'p99')
}

const EARLY_WARN_US = 100

export function checkEarlySends({ kind, watch }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const { n, min } = describe(present(watch.latency.columns.lag))
  if (n === 0) return unmeasured('lag not measured')
  const earlyUs = Math.max(0, -min)
  return atMost(
    earlyUs,
    { warnAbove: EARLY_WARN_US },
    'us',
    `sent up to ${formatDuration(earlyUs)} early`,
  )
}

const RATE_WINDOW_US = 1_000_000
const RATE_WARN_SHARE = 0.01
/** One or two sends that cross a window's edge are no error of the rate. */
const RATE_SPARE_COUNT = 2

/** Share of requests that were sent in another second than the one in which they were due. */
export function checkRate({ kind, watch }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const [at, lag] = [watch.columns.at.view(), watch.latency.columns.lag.view()]
  let moved = 0
  let sent = 0
  for (let row = 0; row < at.length; row += 1) {
    if (Number.isNaN(lag[row]!)) continue
    sent += 1
    const due = Math.floor(at[row]! / RATE_WINDOW_US)
    if (Math.floor((at[row]! + lag[row]!) / RATE_WINDOW_US) !== due) moved += 1
  }
  if (sent === 0) return unmeasured('lag not measured')
  const share = Math.max(0, moved - RATE_SPARE_COUNT) / sent
  return atMost(
    share,
    { warnAbove: RATE_WARN_SHARE, failAbove: 0.2 },
    'share',
    `${formatShare(share)} sent in another second than due`,
  )
}

/** 1.63/√n is the distance that chance alone exceeds once in a hundred times. */
const KS_CHANCE = 1.63
const KS_FLOOR = 0.02
const MIN_GAPS = 20
/** Jitter of the clock below this is no change of the arrivals. */
const GAP_RESOLUTION_US = 1_000

/** Inter-arrival gaps as sent against as due. */
export function checkArrivals({ kind, watch }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const [at, lag] = [watch.columns.at.view(), watch.latency.columns.lag.view()]
  const due = known(at.map((us, row) => (Number.isNaN(lag[row]!) ? Number.NaN : us)))
  const sent = due.length === 0 ? due : sentAt(at, lag)
  if (due.length <= MIN_GAPS) return unmeasured('too few sends to compare arrivals')
  const distance = ksDistance(roundedGaps(due), roundedGaps(sent))
  const limit = Math.max(KS_FLOOR, KS_CHANCE / Math.sqrt(due.length))
  return atMost(
    distance,
    { warnAbove: limit, failAbove: 0.5 },
    'KS',
    `arrivals at KS ${distance.toFixed(3)} from the plan`,
  )
}

function sentAt(at: Float64Array, lag: Float64Array): Float64Array {
  return known(at.map((us, row) => us + lag[row]!)).toSorted()
}

function roundedGaps(sortedAtUs: Float64Array): Float64Array {
  return gapsOf(sortedAtUs).map((us) => Math.round(us / GAP_RESOLUTION_US))
}

/** Requests of the plan that were never sent. */
export function checkDropped({ kind, delivery, side, interrupted }: RunFacts): Finding {
  if (kind !== 'replayed') return unmeasured('not a replay')
  const planned = delivery?.planned ?? side.requests.total
  const dropped = delivery?.dropped ?? side.requests.not_sent
  const says = `${formatCount(dropped)} of ${formatCount(planned)} not sent`
  if (interrupted) return { ...atMost(dropped, { warnAbove: 0 }, 'requests', says) }
  return atMost(dropped, { warnAbove: 0, failAbove: planned * 0.01 }, 'requests', says)
}
