import fc from 'fast-check'
import { expect, test } from 'vitest'
import { prefixText } from '../../src/replay/fidelity-text.ts'
import { attribute, PrefixWatch, type PrefixFacts } from '../../src/replay/prefix-gap.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'

const BLOCK = 16
const facts: PrefixFacts = { blockTokens: BLOCK, capacityTokens: null, cacheNames: ['one'] }
/** A system prompt of 160 tokens that all share. */
const blocks = [
  { id: 1n, parent: null, tokens: 160 },
  { id: 2n, parent: null, tokens: 96 },
  { id: 3n, parent: 1, tokens: 64 },
]
const row = (atUs: number, ttftUs: number, cachedTokens: number | null) => ({
  atUs,
  lagUs: 0,
  ttftUs,
  cachedTokens,
})
const counter = (atUs: number, value: number) => ({
  atUs,
  metric: 'vllm:prefix_cache_hits_total',
  labels: '{}',
  value,
})

function watch(rows: readonly HandRow[], changes: Partial<PrefixFacts> = {}, isSession = false) {
  return new PrefixWatch(handPlan(rows, blocks), { ...facts, ...changes }, isSession)
}

const same = (count: number): HandRow[] =>
  Array.from({ length: count }, (_, at) => ({ dueUs: at * 1_000, leaf: 0, promptTokens: 200 }))

test('a server that serves what was shared has no gap', () => {
  const seen = watch(same(3))
  for (const at of [0, 1, 2]) seen.add(at, row(at * 1_000, 500, at === 0 ? 0 : 160))
  expect(seen.finish([])).toEqual({
    prompts: 600,
    shared: 320,
    predicted: 320,
    served: 320,
    source: 'usage',
    blockTokens: BLOCK,
    causes: { inFlight: 0, evicted: 0, answers: 0, unexplained: 0 },
  })
})

test('what came while the first was still being read is lost to it', () => {
  const seen = watch(same(3))
  for (const at of [0, 1, 2]) seen.add(at, row(at * 1_000, 50_000, 0))
  expect(seen.finish([])?.causes).toEqual({ inFlight: 320, evicted: 0, answers: 0, unexplained: 0 })
})

test('a cache too small for two prompts loses to eviction', () => {
  const others = same(4).map((each, at) =>
    at % 2 === 0 ? each : { dueUs: each.dueUs, promptTokens: 200 },
  )
  const seen = watch(others, { capacityTokens: 192 })
  for (const at of [0, 1, 2, 3]) seen.add(at, row(at * 1_000, 100, 0))
  expect(seen.finish([])?.causes).toEqual({ inFlight: 0, evicted: 160, answers: 0, unexplained: 0 })
})

test('whole blocks of the server are what can be served at most', () => {
  const seen = watch(same(2), { blockTokens: 128 })
  seen.add(0, row(0, 10, null))
  seen.add(1, row(1_000, 10, null))
  expect(seen.finish([counter(0, 1_000), counter(9, 1_128)])).toMatchObject({
    shared: 160,
    predicted: 128,
    served: 128,
    source: 'counters',
  })
})

test('an answer that a later turn quotes is expected to be held, and missed by its name', () => {
  const turns: HandRow[] = [
    { dueUs: 0, leaf: 1, promptTokens: 100, outputTokens: 61, session: 0 },
    { dueUs: 1, leaf: 2, promptTokens: 170, session: 0, parent: 0 },
  ]
  const seen = watch(turns, {}, true)
  seen.add(0, row(0, 10, 0))
  seen.add(1, row(1_000, 10, 96))
  const gap = seen.finish([])
  expect(gap).toMatchObject({ predicted: 160, served: 96 })
  expect(gap?.causes.answers).toBe(64)
})

test('requests to two servers share nothing, and those that were not sent count for nothing', () => {
  const rows = same(4).map((each, at) => ({ ...each, model: at < 2 ? 'a' : 'b' }))
  const seen = watch(rows, { cacheNames: ['a', 'b'] })
  for (const at of [0, 2, 3]) seen.add(at, row(at * 1_000, 10, at === 3 ? 160 : 0))
  seen.add(1, { atUs: 1_000, lagUs: null })
  expect(seen.finish([])).toMatchObject({ prompts: 600, predicted: 160, served: 160 })
})

test('nothing is said where nobody tells, or nothing is shared', () => {
  const silent = watch(same(2))
  silent.add(0, row(0, 10, null))
  silent.add(1, row(1_000, 10, null))
  expect(silent.finish([])).toBeNull()
  const alone = watch(same(1))
  alone.add(0, row(0, 10, 0))
  expect(alone.finish([])).toBeNull()
})

test('causes add up to the gap, and none explains more than it can', () => {
  const tokens = fc.nat(10_000)
  fc.assert(
    fc.property(
      fc.integer({ min: -10_000, max: 10_000 }),
      tokens,
      tokens,
      tokens,
      (gap, a, b, c) => {
        const causes = attribute(gap, { evicted: a, inFlight: b, answers: c })
        const sum = Object.values(causes).reduce((total, each) => total + each, 0)
        expect(sum).toBe(Math.max(0, gap))
        expect(causes.evicted).toBeLessThanOrEqual(a)
        expect(causes.inFlight).toBeLessThanOrEqual(b)
        expect(causes.answers).toBeLessThanOrEqual(c)
      },
    ),
  )
})

test('the gap and its causes are one sentence', () => {
  const text = prefixText({
    prompts: 1_000,
    shared: 500,
    predicted: 450,
    served: 381,
    source: 'counters',
    blockTokens: 16,
    causes: { inFlight: 69, evicted: 0, answers: 0, unexplained: 0 },
  })
  expect(text).toBe(
    'prefix hits 38.1 % of prompt tokens, as the server counts · ' +
      '45.0 % predicted in blocks of 16 (50.0 % shared) · ' +
      '6.9 % lost: while the same prefix was still being read',
  )
})
