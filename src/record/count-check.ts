/**
 * Whether counting events counts tokens: our sum against the server's own counter.
 *
 * Requests that reach the server past the recorder, and events that hold several tokens, both make
 * the counter run ahead; then counts of events are called estimates. Pure.
 */

/** One figure of the server's `/metrics`. */
export type MetricSample = Readonly<{ metric: string; labels: string | null; value: number }>

/** The sums may differ by this share. */
export const AGREEMENT_SHARE = 0.02
/** Fewer tokens than this settle nothing. */
const LEAST_TOKENS = 500
/** Tokens on their way between the server's counter and us; they do not count as a difference. */
const SLACK_PER_STREAM = 2
/** Tokens that a server still makes for a client that has left, before it notices. */
const SLACK_PER_HANGUP = 32

export type Agreement = 'unknown' | 'agrees' | 'differs'

export class CountCheck {
  #endedTokens = 0
  #hangups = 0
  #base: { counter: number; ours: number; hangups: number } | null = null
  #agreement: Agreement = 'unknown'

  get agreement(): Agreement {
    return this.#agreement
  }

  /** Tokens of an answer that ended, or that its client left. */
  add(tokens: number, isHangup = false): void {
    this.#endedTokens += tokens
    if (isHangup) this.#hangups += 1
  }

  /**
   * @param counter generation tokens since the server's start
   * @param liveTokens of answers that are still running
   * @param liveStreams how many those are
   */
  compare(counter: number, liveTokens: number, liveStreams: number): void {
    const ours = this.#endedTokens + liveTokens
    if (this.#base === null || counter < this.#base.counter) {
      this.#base = { counter, ours, hangups: this.#hangups }
      this.#agreement = 'unknown'
      return
    }
    const theirs = counter - this.#base.counter
    const seen = ours - this.#base.ours
    if (theirs < LEAST_TOKENS) return
    const hangups = this.#hangups - this.#base.hangups
    const slack = SLACK_PER_STREAM * liveStreams + SLACK_PER_HANGUP * hangups
    const allowed = AGREEMENT_SHARE * theirs + slack
    this.#agreement = Math.abs(theirs - seen) <= allowed ? 'agrees' : 'differs'
  }
}
