/** An answer that was whole only after its client had gone: what of it still reached somebody. Pure. */
import { MARKS_PER_EVENT } from '../stream/event-log.ts'
import type { AnswerCapture } from '../stream/observation.ts'

const NOTHING = new Uint8Array(0)

/**
 * @param goneAtUs when the client ended its side, which a later reset showed to be its leaving
 * @returns the answer up to there; null where it had not begun
 */
export function upToHangup(capture: AnswerCapture, goneAtUs: number): AnswerCapture | null {
  if (capture.headersAtUs > goneAtUs) return null
  const end = { end: 'hangup', endAtUs: goneAtUs } as const
  const { eventMarks } = capture
  if (eventMarks === null) return { ...capture, ...end, body: NOTHING }
  let kept = 0
  while (kept < eventMarks.length && (eventMarks[kept] ?? 0) <= goneAtUs) kept += MARKS_PER_EVENT
  return { ...capture, ...end, eventMarks: eventMarks.subarray(0, kept) }
}
