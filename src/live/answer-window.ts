/** What answers told lately, out of counts that go on: looked at once a second. Pure. */
import type { LiveResults } from '../replay/live-results.ts'
import { bucketQuantileUs, countsSince } from '../stats/octaves.ts'

/** Percentiles are of the answers in so many looks. */
const WINDOW_LOOKS = 10

/** Null: no answer has told. */
export type LatelyTold = Readonly<{
  ttftP50Us: number | null
  ttftP99Us: number | null
  outputTokensPerSec: number
}>

export class AnswerWindow {
  readonly #live: LiveResults
  readonly #counts: Float64Array[] = []
  #outputTokens = 0

  constructor(live: LiveResults) {
    this.#live = live
  }

  /** @param seconds since the last look */
  look(seconds: number): LatelyTold {
    const { counts } = this.#live.latency('ttft_due')
    const isFull = this.#counts.length === WINDOW_LOOKS
    const lately = countsSince(counts, isFull ? this.#counts.shift() : undefined)
    this.#counts.push(counts)
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
