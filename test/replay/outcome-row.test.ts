import { expect, test } from 'vitest'
import type { FlightResult } from '../../src/replay/flight-result.ts'
import { outcomeRow, rowNumber } from '../../src/replay/outcome-row.ts'
import type { Observation } from '../../src/stream/observation.ts'
import { handPlan } from '../support/hand-plan.ts'

const blocks = [
  { id: 7n, parent: null, tokens: 4 },
  { id: 9n, parent: 0, tokens: 4 },
]
const plan = handPlan(
  [{ dueUs: 100, session: 0, leaf: 1, promptTokens: 12, outputTokens: 5 }],
  blocks,
)
const depths = Uint32Array.from([1, 2])
const context = { plan, shard: null, startUs: 1_000, models: ['m'], targetNames: ['t'], depths }
const result: FlightResult = {
  index: 0,
  attempt: 0,
  isFinal: true,
  dueUs: 1_100,
  connectUs: 30,
  writtenAtUs: 1_150,
  sentAtUs: 1_170,
  requestBytes: 99,
  connection: 'new',
  abortAtUs: Number.NaN,
  endedAtUs: 1_900,
  fault: 'none',
  capture: null,
}

test('a row tells what was due, how late it left, and how long it took to write', () => {
  expect(outcomeRow(context, result, null)).toMatchObject({
    atUs: 100,
    lagUs: 50,
    uploadUs: 20,
    connectUs: 30,
    session: 'session 0',
    model: 'm',
    target: 't',
    prefixLeaf: 9n,
    prefixBlocks: 2,
    promptTokens: 12,
    outcome: 'upstream_reset',
  })
})

test('a hang-up of ours is no failure of the server, and what was not sent has no lag', () => {
  const hungUp = outcomeRow(context, { ...result, abortAtUs: 1_570 }, null)
  expect(hungUp).toMatchObject({ outcome: 'client_abort', abortUs: 400 })
  const unsent = {
    ...result,
    writtenAtUs: Number.NaN,
    sentAtUs: Number.NaN,
    fault: 'dropped' as const,
  }
  expect(outcomeRow(context, unsent, null)).toMatchObject({
    outcome: 'not_sent',
    lagUs: null,
    connection: null,
  })
})

test('a 200 that holds no answer of a model is no success, unless nobody could look at all of it', () => {
  const seen = {
    status: 200,
    outcome: 'ok',
    finishReason: null,
    hasStopReason: false,
    chunkAtUs: new Float64Array(0),
    chunkKinds: new Uint8Array(0),
    promptTokens: null,
    outputTokens: null,
    seenShare: 1,
  } as unknown as Observation
  const outcomeOf = (changes: Partial<Observation>) =>
    outcomeRow(context, result, { ...seen, ...changes }).outcome
  expect(outcomeOf({})).toBe('stream_error')
  expect(outcomeOf({ seenShare: 0.5 })).toBe('ok')
  expect(outcomeOf({ finishReason: 'stop' })).toBe('ok')
  expect(outcomeOf({ outputTokens: 0 })).toBe('ok')
})

test('numbers of rows do not meet between the shards of one run', () => {
  const numbers = [1, 2, 3].flatMap((index) =>
    Array.from({ length: 50 }, (_, row) => rowNumber({ index, count: 3 }, row)),
  )
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(rowNumber(null, 5)).toBe(5)
})
