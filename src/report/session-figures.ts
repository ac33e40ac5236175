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
  readonly #numberOf = new Map<string, number>()
  /** One each a session, by its number. */
  readonly #turns = new GrowingColumn()
  readonly #firstUs = new GrowingColumn()
  readonly #lastUs = new GrowingColumn()
  readonly #gaps = new GrowingColumn()

  /** Rows come in order of time. */
  add(name: string, atUs: number): void {
    const number = this.#numberOf.get(name)
    if (number === undefined) {
      this.#numberOf.set(name, this.#turns.length)
      this.#turns.push(1)
      this.#firstUs.push(atUs)
      this.#lastUs.push(atUs)
      return
    }
    const lastUs = this.#lastUs.view()
    this.#gaps.push((atUs - lastUs[number]!) / 1e6)
    lastUs[number] = atUs
    this.#turns.view()[number]! += 1
  }

  /** @returns null where no row named a session */
  figures(): SessionFigures | null {
    const turns = this.#turns.view()
    const firstUs = this.#firstUs.view()
    const turnFigures = summarise(turns)
    const span = summarise(
      this.#lastUs.view().map((lastUs, index) => (lastUs - firstUs[index]!) / 1e6),
    )
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
