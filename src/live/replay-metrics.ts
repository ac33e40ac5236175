/** A running replay as Prometheus reads it. Pure. */
import { add, counter, type Family, gauge, renderFamilies } from '../engine/exposition.ts'
import { LIVE_LATENCIES } from '../replay/live-results.ts'
import type { Progress } from '../replay/progress.ts'
import { ANSWER_EDGES, latencyFamily } from './latency-family.ts'
import type { LiveHistory } from './live-history.ts'

const COUNTERS: readonly (readonly [name: string, help: string, of: keyof Progress])[] = [
  ['due', 'Requests that were due so far', 'due'],
  ['sent', 'Requests whose first byte was written', 'sent'],
  ['done', 'Requests that have their end, whatever it was', 'done'],
  ['errors', 'Requests that failed', 'errors'],
  ['hung_up', 'Requests hung up as planned', 'hungUp'],
  ['dropped', 'Requests left out, by limits of ours or since they fit no target', 'dropped'],
]

const name = (word: string) => `trace_replay_${word}`

/** @param startedSec when the run began, s since 1970 */
export function replayMetrics(history: LiveHistory, startedSec: number): string {
  const { last, live, points } = history
  const families: Family[] = []
  const single = (family: Family & { kind: 'counter' | 'gauge' }, value: number) => {
    add(family as Parameters<typeof add>[0], '', value)
    families.push(family)
  }
  if (last !== null) {
    for (const [word, help, of] of COUNTERS) {
      single(counter(name(`${word}_total`), help), last[of] ?? 0)
    }
    single(gauge(name('planned_requests'), 'Requests of the plan', []), last.planned)
    single(gauge(name('in_flight'), 'Requests under way', []), last.inFlight)
    single(
      gauge(name('elapsed_seconds'), 'Since the first request was due', []),
      Math.max(0, last.elapsedUs / 1e6),
    )
    const lagUs = points.at(-1)?.lagUs ?? 0
    single(gauge(name('lag_p99_seconds'), 'Lateness of sends so far, p99', []), lagUs / 1e6)
  }
  if (live !== null) {
    for (const [word, of] of [
      ['prompt', 'promptTokens'],
      ['cached', 'cachedTokens'],
      ['output', 'outputTokens'],
    ] as const) {
      const help = `Tokens of ended requests: ${word}`
      single(counter(name(`${word}_tokens_total`), help), live.total(of))
    }
    for (const latency of LIVE_LATENCIES) {
      const tally = live.latency(latency)
      families.push(latencyFamily(name(`${latency}_seconds`), HELP[latency], tally, ANSWER_EDGES))
    }
  }
  return renderFamilies(families, startedSec)
}

const HELP = {
  ttft_due: 'Time to first token, from due',
  tpot: 'Time per output token after the first',
  e2e_due: 'End to end, from due',
} as const
