/** Which rows are one client's retries of the same request. Pure. */
import type { Row } from './request-row.ts'
import { BoundedMap, MAX_TURNS } from './sessions.ts'

/** Sent by the common client libraries: 0 for the first attempt, then 1, 2, … */
export const ATTEMPT_HEADER = 'x-stainless-retry-count'
const MAX_ATTEMPT = 1_000

export class Attempts {
  /** Latest first attempt by the end of its prompt. */
  readonly #first = new BoundedMap<bigint, number>(MAX_TURNS)

  /** @param point the prompt's exact end; null where it is not known */
  place(header: string | undefined, point: bigint | null, seq: number): Row {
    const attempt = header !== undefined && /^\d{1,4}$/.test(header) ? Number(header) : null
    if (attempt !== null && attempt > 0 && attempt <= MAX_ATTEMPT) {
      return { attempt, attemptOf: point === null ? null : (this.#first.get(point) ?? null) }
    }
    if (point !== null) this.#first.set(point, seq)
    return attempt === 0 ? { attempt } : {}
  }
}
