/** An answer that was whole only after its client had gone: what of it still reached somebody. Pure. */
import { eventsUntil } from '../stream/kept-events.ts'
import type { AnswerCapture } from '../stream/observation.ts'

const NOTHING = new Uint8Array(0)

/**
 * @param goneAtUs when the client ended its side, which a later reset showed to be its leaving
 * @returns the answer up to there; null where it had not begun
 */
export function upToHangup(capture: AnswerCapture, goneAtUs: number): AnswerCapture | null {
  const { headersAtUs, isEvents, body } = capture
  if (headersAtUs > goneAtUs) return null
  const kept = isEvents ? eventsUntil(body, goneAtUs) : NOTHING
  return { ...capture, end: 'hangup', endAtUs: goneAtUs, body: kept }
}
