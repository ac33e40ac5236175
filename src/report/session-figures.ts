/** Sessions: how many turns, how long, how far apart. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import { type Summary, summarise } from './summary.ts'

export type SessionFigures = Readonly<{
  sessions: number
  turns: Summary
  single_turn_frac: number
  span_s: Summary
  /** Between the arrivals of neighbouring turns; null where no session has two. */
  intra_session_gap_s: Summary | null
}>

export class SessionWatch {
  readonly #indexOf = new Map<string, number>()
  readonly #turns = new GrowingColumn()
  readonly #spans = new GrowingColumn()
  readonly #lastUs: number[] = []
  readonly #gaps = new GrowingColumn()

  /** Rows come in order of time. */
  add(session: string, atUs: number): void {
    const known = this.#indexOf.get(session)
    if (known === undefined) {
      this.#indexOf.set(session, this.#lastUs.length)
      this.#lastUs.push(atUs)
      this.#turns.push(1)
      this.#spans.push(0)
      return
    }
    const gapUs = atUs - this.#lastUs[known]!
    this.#gaps.push(gapUs / 1e6)
    this.#lastUs[known] = atUs
    this.#turns.view()[known]! += 1
    this.#spans.view()[known]! += gapUs / 1e6
  }

  /** @returns null where no row named a session */
  figures(): SessionFigures | null {
    const turns = this.#turns.view()
    const [turnFigures, span] = [summarise(turns), summarise(this.#spans.view())]
    if (turnFigures === null || span === null) return null
    return {
      sessions: turns.length,
      turns: turnFigures,
      single_turn_frac: turns.reduce((sum, count) => sum + (count === 1 ? 1 : 0), 0) / turns.length,
      span_s: span,
      intra_session_gap_s: summarise(this.#gaps.view()),
    }
  }
}
