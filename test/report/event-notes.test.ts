import { expect, test } from 'vitest'
import { buildReport } from '../../src/report/report.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { encodeChunkTokens } from '../../src/trace/chunk-tokens.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const EVENTS = [50_000, 60_000, 70_000]

async function notesOf(change: Partial<RequestRow>): Promise<readonly string[]> {
  const requests = Array.from({ length: 30 }, (_, index) => ({
    atUs: index * 100_000,
    lagUs: 0,
    stream: true,
    status: 200,
    outcome: 'ok' as const,
    tokenSource: 'server' as const,
    promptTokens: 45,
    ttftUs: 50_000,
    e2eUs: 70_000,
    chunkTimes: encodeChunkTimes(EVENTS),
    ...change,
  }))
  const { notes } = await buildReport(unsavedTrace({ kind: 'replayed', requests }), null)
  return notes.filter((note) => note.includes('event'))
}

test('a report says where inter-token times are those between events of several tokens', async () => {
  expect(await notesOf({ outputTokens: 12 })).toEqual([
    'answers brought 4 tokens an event on average, and of none was told how many: ' +
      'inter-token is the time between events',
  ])
  expect(await notesOf({ outputTokens: 3 })).toEqual([])
  // Each event's tokens are known: its gap is shared out among them.
  const chunkTokens = encodeChunkTokens([4, 4, 4])
  expect(await notesOf({ outputTokens: 12, chunkTokens })).toEqual([])
  expect(await notesOf({ outputTokens: null })).toEqual([])
})
