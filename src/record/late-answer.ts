/** An answer that was whole only after its client had gone: what of it still reached somebody. Pure. */
import type { AnswerCapture } from '../stream/observation.ts'

const NOTHING = new Uint8Array(0)

/**
 * @param goneAtUs when the client ended its side, which a later reset showed to be its leaving
 * @returns the answer up to there; null where it had not begun
 */
export function upToHangup(capture: AnswerCapture, goneAtUs: number): AnswerCapture | null {
  if (capture.headersAtUs > goneAtUs) return null
  const end = { end: 'hangup', endAtUs: goneAtUs } as const
  const { eventAtUs, eventEnds, body } = capture
  if (eventAtUs === null || eventEnds === null) return { ...capture, ...end, body: NOTHING }
  let count = 0
  while (count < eventAtUs.length && (eventAtUs[count] ?? 0) <= goneAtUs) count += 1
  return {
    ...capture,
    ...end,
    body: body.subarray(0, count === 0 ? 0 : eventEnds[count - 1]),
    eventAtUs: eventAtUs.subarray(0, count),
    eventEnds: eventEnds.subarray(0, count),
  }
}
