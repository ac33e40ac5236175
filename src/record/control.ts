/** What an operator can ask of a running recorder. Types only. */
import type { LiveResults } from '../replay/live-results.ts'
import type { RecordStatus } from './record-text.ts'

export interface RecordControl {
  status(): RecordStatus
  /** What answers that have ended tell of latencies and tokens. */
  readonly answers: LiveResults
  /** No new connections are taken. */
  readonly isDraining: boolean
  readonly isPaused: boolean
  /** While paused requests pass and are counted, not recorded. */
  setPaused(isPaused: boolean): void
  /** Finishes the segment and begins another. */
  rotate(): void
  /** Leaves a mark in the trace, at this moment. */
  mark(text: string): void
}

/** Something that runs beside a recording for as long as it does. */
export type RecordCompanion = (control: RecordControl) => Promise<Companion>
export type Companion = Readonly<{ close(): Promise<void> }>
