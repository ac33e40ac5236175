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
  readonly #open = new Map<string, { turns: number; firstUs: number; lastUs: number }>()
  readonly #gaps = new GrowingColumn()

  /** Rows come in order of time. */
  add(name: string, atUs: number): void {
    const session = this.#open.get(name)
    if (session === undefined) {
      this.#open.set(name, { turns: 1, firstUs: atUs, lastUs: atUs })
      return
    }
    this.#gaps.push((atUs - session.lastUs) / 1e6)
    session.lastUs = atUs
    session.turns += 1
  }

  /** @returns null where no row named a session */
  figures(): SessionFigures | null {
    const sessions = [...this.#open.values()]
    const turns = Float64Array.from(sessions, (session) => session.turns)
    const turnFigures = summarise(turns)
    const span = summarise(
      Float64Array.from(sessions, ({ firstUs, lastUs }) => (lastUs - firstUs) / 1e6),
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
