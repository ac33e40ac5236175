/** Was the measuring machine itself well? Pure. */
import { formatDuration, formatShare, plural } from '../base/format.ts'
import { quantiles } from '../stats/quantile.ts'
import { atMost, type Finding, unmeasured } from './finding.ts'
import { present } from './latency-watch.ts'
import type { RunFacts } from './run-facts.ts'

export function checkComplete({ isComplete, interrupted }: RunFacts): Finding {
  if (interrupted) {
    return { status: 'warn', value: 1, limit: 0, unit: '', says: 'ended early: a part of the plan' }
  }
  return isComplete
    ? { status: 'pass', value: 0, limit: 0, unit: '', says: 'file complete' }
    : { status: 'fail', value: 1, limit: 0, unit: '', says: 'file cut off: no end mark' }
}

/** Of one core, the busiest thread. */
export function checkCpu({ client }: RunFacts): Finding {
  const share = client.cpu_share
  if (share === null) return unmeasured('client CPU not measured')
  return atMost(
    share,
    { warnAbove: 0.7, failAbove: 0.95 },
    'share of a core',
    `client ${formatShare(share, 0)} of a core`,
  )
}

export function checkThrottling({ client }: RunFacts): Finding {
  const count = client.throttled_count
  if (count === null) return unmeasured('throttling not measured')
  return atMost(count, { warnAbove: 0 }, 'times', `client throttled ${plural(count, 'time')}`)
}

export function checkLoopDelay({ client }: RunFacts): Finding {
  const us = client.loop_delay_p99_us
  if (us === null) return unmeasured('event loop not measured')
  return atMost(
    us,
    { warnAbove: 5_000, failAbove: 100_000 },
    'us',
    `event loop late by ${formatDuration(us)} (p99)`,
  )
}

export function checkLoopUse({ client }: RunFacts): Finding {
  const share = client.loop_utilization
  if (share === null) return unmeasured('event loop not measured')
  return atMost(share, { warnAbove: 0.7 }, 'share', `event loop ${formatShare(share, 0)} busy`)
}

export function checkGarbage({ client }: RunFacts): Finding {
  const us = client.gc_pause_max_us
  if (us === null) return unmeasured('garbage collection not measured')
  return atMost(us, { warnAbove: 10_000 }, 'us', `longest garbage collection ${formatDuration(us)}`)
}

export function checkClock({ client }: RunFacts): Finding {
  const us = client.clock_step_us
  if (us === null) return unmeasured('wall clock not watched')
  return atMost(us, { warnAbove: 5_000 }, 'us', `wall clock stepped by ${formatDuration(us)}`)
}

const MIN_CONNECTS = 20

/** Opening a connection inside a request's latency must stay small beside what is measured. */
export function checkConnect({ watch, side, kind }: RunFacts): Finding {
  const ttftUs = side.metrics.ttft?.p50?.value
  const connects = present(watch.latency.columns.connect)
  if (kind !== 'replayed' || connects.length < MIN_CONNECTS || ttftUs === undefined) {
    return unmeasured('connection times not measured')
  }
  const [p99 = 0] = quantiles(connects, [0.99])
  // Below a millisecond a connection costs less than the timers that measure it.
  const limit = Math.max(1_000, 0.05 * ttftUs)
  return atMost(p99, { warnAbove: limit }, 'us', `connecting took ${formatDuration(p99)} (p99)`)
}
