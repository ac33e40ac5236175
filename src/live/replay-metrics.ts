/** A running replay as Prometheus reads it. Pure. */
import { LIVE_LATENCIES } from '../replay/live-results.ts'
import type { Progress } from '../replay/progress.ts'
import { ANSWER_EDGES, FigurePage } from './figure-page.ts'
import type { LiveHistory } from './live-history.ts'

const COUNTERS: readonly (readonly [name: string, help: string, of: keyof Progress])[] = [
  ['due', 'Requests that were due so far', 'due'],
  ['sent', 'Requests whose first byte was written', 'sent'],
  ['done', 'Requests that have their end, whatever it was', 'done'],
  ['errors', 'Requests that failed', 'errors'],
  ['hung_up', 'Requests hung up as planned', 'hungUp'],
  ['dropped', 'Requests left out, by limits of ours or since they fit no target', 'dropped'],
]

const TOKENS = [
  ['prompt', 'promptTokens'],
  ['cached', 'cachedTokens'],
  ['output', 'outputTokens'],
] as const

const name = (word: string) => `trace_replay_${word}`

export async function replayMetrics({ last, live, points }: LiveHistory): Promise<string> {
  const page = new FigurePage()
  if (last !== null) {
    for (const [word, help, of] of COUNTERS) {
      page.counter(name(`${word}_total`), help, last[of] ?? 0)
    }
    page.gauge(name('planned_requests'), 'Requests of the plan', last.planned)
    page.gauge(name('in_flight'), 'Requests under way', last.inFlight)
    const elapsedSec = Math.max(0, last.elapsedUs / 1e6)
    page.gauge(name('elapsed_seconds'), 'Since the first request was due', elapsedSec)
    const lagSec = (points.at(-1)?.lagUs ?? 0) / 1e6
    page.gauge(name('lag_p99_seconds'), 'Lateness of sends so far, p99', lagSec)
  }
  if (live !== null) {
    for (const [word, of] of TOKENS) {
      const help = `Tokens of ended requests: ${word}`
      page.counter(name(`${word}_tokens_total`), help, live.total(of))
    }
    for (const latency of LIVE_LATENCIES) {
      page.latency(name(`${latency}_seconds`), HELP[latency], live.latency(latency), ANSWER_EDGES)
    }
  }
  return page.text()
}

const HELP = {
  ttft_due: 'Time to first token, from due',
  tpot: 'Time per output token after the first',
  e2e_due: 'End to end, from due',
} as const
