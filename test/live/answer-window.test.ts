import { expect, test } from 'vitest'
import { AnswerWindow } from '../../src/live/answer-window.ts'
import type { LiveResults } from '../../src/replay/live-results.ts'
import { bucketOf } from '../../src/stats/octaves.ts'

test('percentiles are of the last ten looks, from the first on', () => {
  const counts = new Float64Array(256)
  const window = new AnswerWindow({
    latency: () => ({ counts: counts.slice() }),
    total: () => 0,
  } as unknown as LiveResults)
  counts[bucketOf(1_000)] = 1
  const first = window.look(1).ttftP50Us
  expect(first).not.toBeNull()
  const later = Array.from({ length: 10 }, () => window.look(1).ttftP50Us)
  // The only answer came before the first look; the eleventh no longer sees it.
  expect(later).toEqual([...Array.from({ length: 9 }, () => first), null])
})
