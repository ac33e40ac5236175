/** What a run has published so far: the latest counts, and one point a second for pictures. Pure. */
import { bucketQuantileUs, type LiveResults } from '../replay/live-results.ts'
import type { Progress } from '../replay/progress.ts'
import type { SampleRow } from '../trace/columns.ts'

/** One point of the pictures; the newest last. Null: nothing is known of it. */
export type LivePoint = Readonly<{
  elapsedUs: number
  inFlight: number
  sentPerSec: number
  donePerSec: number
  errors: number
  lagUs: number
  /** From due, of the answers that ended since ten points ago. */
  ttftP50Us: number | null
  ttftP99Us: number | null
  outputTokensPerSec: number | null
  /** As the servers last said, added up; of the KV cache the fullest. */
  waiting: number | null
  running: number | null
  kvShare: number | null
}>

/** Ten minutes at one point a second. */
const MAX_POINTS = 600
const POINT_US = 1_000_000
/** Percentiles are of the answers in so many points. */
const WINDOW_POINTS = 10

const GAUGES = {
  waiting: 'vllm:num_requests_waiting',
  running: 'vllm:num_requests_running',
  kvShare: 'vllm:kv_cache_usage_perc',
} as const

export class LiveHistory {
  readonly #points: LivePoint[] = []
  readonly #ttftCounts: Float64Array[] = []
  readonly #server = new Map<string, number>()
  #outputTokens = 0
  #last: Progress | null = null
  #live: LiveResults | null = null

  get points(): readonly LivePoint[] {
    return this.#points
  }

  get last(): Progress | null {
    return this.#last
  }

  get live(): LiveResults | null {
    return this.#live
  }

  begin(live: LiveResults): void {
    this.#live = live
  }

  /** The latest of what servers say of themselves. */
  hear(samples: readonly SampleRow[]): void {
    for (const name of Object.values(GAUGES)) {
      const values = samples.filter(({ metric }) => metric === name).map(({ value }) => value)
      if (values.length === 0) continue
      const isShare = name === GAUGES.kvShare
      this.#server.set(
        name,
        values.reduce((all, value) => (isShare ? Math.max(all, value) : all + value), 0),
      )
    }
  }

  /** @returns the new point, or null where less than a second has passed since the last */
  add(progress: Progress): LivePoint | null {
    const last = this.#last
    if (last !== null && progress.elapsedUs - last.elapsedUs < POINT_US) return null
    const before = last ?? { elapsedUs: 0, sent: 0, done: 0, errors: 0 }
    const seconds = (progress.elapsedUs - before.elapsedUs) / 1e6 || 1
    const point = {
      elapsedUs: progress.elapsedUs,
      inFlight: progress.inFlight,
      sentPerSec: (progress.sent - before.sent) / seconds,
      donePerSec: (progress.done - before.done) / seconds,
      errors: progress.errors - before.errors,
      lagUs: progress.lagUs ?? 0,
      ...this.#answers(seconds),
      waiting: this.#server.get(GAUGES.waiting) ?? null,
      running: this.#server.get(GAUGES.running) ?? null,
      kvShare: this.#server.get(GAUGES.kvShare) ?? null,
    }
    this.#last = progress
    this.#points.push(point)
    if (this.#points.length > MAX_POINTS) this.#points.shift()
    return point
  }

  #answers(seconds: number) {
    if (this.#live === null) return { ttftP50Us: null, ttftP99Us: null, outputTokensPerSec: null }
    const { counts } = this.#live.latency('ttft_due')
    const before = this.#ttftCounts[0]
    this.#ttftCounts.push(counts)
    if (this.#ttftCounts.length > WINDOW_POINTS) this.#ttftCounts.shift()
    const lately = before === undefined ? counts : counts.map((count, at) => count - before[at]!)
    const outputTokens = this.#live.total('outputTokens')
    const outputTokensPerSec = (outputTokens - this.#outputTokens) / seconds
    this.#outputTokens = outputTokens
    return {
      ttftP50Us: bucketQuantileUs(lately, 0.5),
      ttftP99Us: bucketQuantileUs(lately, 0.99),
      outputTokensPerSec,
    }
  }
}
