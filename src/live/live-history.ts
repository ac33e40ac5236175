/** What a run has published so far: the latest counts, and one point a second for pictures. Pure. */
import type { LiveResults } from '../replay/live-results.ts'
import type { Progress } from '../replay/progress.ts'
import type { SampleRow } from '../trace/columns.ts'
import { AnswerWindow } from './answer-window.ts'

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

const NOTHING_TOLD = { ttftP50Us: null, ttftP99Us: null, outputTokensPerSec: null } as const

const GAUGES = {
  waiting: 'vllm:num_requests_waiting',
  running: 'vllm:num_requests_running',
  kvShare: 'vllm:kv_cache_usage_perc',
} as const

export class LiveHistory {
  readonly #points: LivePoint[] = []
  readonly #server = new Map<string, number>()
  #last: Progress | null = null
  #live: LiveResults | null = null
  #answers: AnswerWindow | null = null

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
    this.#answers = new AnswerWindow(live)
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
      ...(this.#answers?.look(seconds) ?? NOTHING_TOLD),
      waiting: this.#server.get(GAUGES.waiting) ?? null,
      running: this.#server.get(GAUGES.running) ?? null,
      kvShare: this.#server.get(GAUGES.kvShare) ?? null,
    }
    this.#last = progress
    this.#points.push(point)
    if (this.#points.length > MAX_POINTS) this.#points.shift()
    return point
  }
}
