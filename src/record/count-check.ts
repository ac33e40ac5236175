/**
 * Whether counting events counts tokens: our sum against the server's own counter.
 *
 * Requests that reach the server past the recorder, and events that hold several tokens, both make
 * the counter run ahead; then counts of events are called estimates. Pure.
 */

import type { Observation } from '../stream/observation.ts'

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

/** More tokens an event than this is not believed. */
export const MOST_TOKENS_AN_EVENT = 16
/** The server may have finished so many more requests than we saw, as a share, and still be ours alone. */
const FOREIGN_SHARE = 0.02

export type Agreement = 'unknown' | 'agrees' | 'differs'

/** Sums since some instant. */
type Sums = Readonly<{ exact: number; counted: number; hangups: number; finished: number }>

/** The server's own counters. */
export type ServerCounters = Readonly<{
  generatedTokens: number
  /** Requests that it finished; null where it does not tell. */
  finished: number | null
}>

export class CountCheck {
  #ours: Sums = { exact: 0, counted: 0, hangups: 0, finished: 0 }
  #base: { server: ServerCounters; ours: Sums } | null = null
  #agreement: Agreement = 'unknown'
  #tokensPerEvent = 1

  get agreement(): Agreement {
    return this.#agreement
  }

  /**
   * What one event stands for, on the average: 1 while the sums agree, or where requests that pass
   * the recorder by may be why they do not.
   */
  get tokensPerEvent(): number {
    return this.#tokensPerEvent
  }

  /**
   * An answer that ended, or that its client left.
   *
   * @param known its tokens, where they are known otherwise than by its events
   */
  add(seen: Observation, known: number | null = null): void {
    const { exact, counted, hangups, finished } = this.#ours
    const tokens = known ?? seen.outputTokens ?? 0
    const isExact = known !== null || seen.tokenSource === 'server'
    this.#ours = {
      exact: exact + (isExact ? tokens : 0),
      counted: counted + (isExact ? 0 : tokens),
      hangups: hangups + (seen.outcome === 'client_abort' ? 1 : 0),
      finished: finished + (seen.outcome === 'ok' && seen.outputTokens !== null ? 1 : 0),
    }
  }

  /**
   * @param liveTokens events of answers that are still running
   * @param liveStreams how many those are
   */
  compare(server: ServerCounters, liveTokens: number, liveStreams: number): void {
    const ours = { ...this.#ours, counted: this.#ours.counted + liveTokens }
    if (this.#base === null || server.generatedTokens < this.#base.server.generatedTokens) {
      this.#base = { server, ours }
      this.#agreement = 'unknown'
      this.#tokensPerEvent = 1
      return
    }
    const since = this.#base.ours
    const theirs = server.generatedTokens - this.#base.server.generatedTokens
    if (theirs < LEAST_TOKENS) return
    const exact = ours.exact - since.exact
    const counted = ours.counted - since.counted
    const hangups = ours.hangups - since.hangups
    const slack = SLACK_PER_STREAM * liveStreams + SLACK_PER_HANGUP * hangups
    const isClose = Math.abs(theirs - exact - counted) <= AGREEMENT_SHARE * theirs + slack
    this.#agreement = isClose ? 'agrees' : 'differs'
    const isOurs = this.#isOursAlone(server, ours.finished - since.finished, liveStreams)
    const ratio = isClose || !isOurs || counted === 0 ? 1 : (theirs - exact) / counted
    this.#tokensPerEvent = Math.min(Math.max(ratio, 1), MOST_TOKENS_AN_EVENT)
  }

  #isOursAlone({ finished }: ServerCounters, seen: number, liveStreams: number): boolean {
    const before = this.#base?.server.finished ?? null
    if (finished === null || before === null) return false
    return Math.abs(finished - before - seen) <= FOREIGN_SHARE * seen + liveStreams + 1
  }
}

/** A counter's sum over all its labels; null where it is not told. */
export function totalOf(samples: readonly MetricSample[], name: string): number | null {
  const found = samples.filter(({ metric }) => metric === name)
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0)
}
