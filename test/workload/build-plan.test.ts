import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import { rowDigest } from '../../src/trace/digest.ts'
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  FAILED_IN_SOURCE,
  NONE,
  SIZES_ESTIMATED,
} from '../../src/workload/plan.ts'
import { demandTrace } from '../support/demand-trace.ts'
import { planOf, planOfTrace } from './plan-of.ts'

const every = (count: number, stepUs: number, more: Partial<RequestRow> = {}) =>
  Array.from({ length: count }, (_, index) => ({ atUs: index * stepUs, ...more }))

test('a plain plan is the recording itself', async () => {
  const plan = await planOf([
    { atUs: 1_000, promptTokens: 7, outputTokens: 3, model: 'm', session: 'a' },
    { atUs: 3_500, promptTokens: 9, outputTokens: 4, model: 'm', session: 'b' },
  ])
  expect([...plan.columns.dueUs]).toEqual([0, 2_500])
  expect([...plan.columns.promptTokens]).toEqual([7, 9])
  expect([...plan.columns.outputTokens]).toEqual([3, 4])
  expect(plan.shapes).toHaveLength(1)
  expect(plan.sessions).toEqual(['a', 'b'])
  expect(plan.steps.map(({ name }) => name)).toEqual(['window'])
  expect(plan.columns.dueUs.buffer).toBeInstanceOf(SharedArrayBuffer)
})

test('sizes that no server takes stay huge, and do not wrap to small ones', async () => {
  const huge = 2 ** 32 + 5
  const rows = [
    { promptTokens: huge, outputTokens: huge },
    { promptTokens: 2 ** 31, outputTokens: 2 ** 31 },
    { promptTokens: 5, outputTokens: 3, outcome: 'client_abort', maxTokens: huge, abortUs: 1 },
  ]
  const drift = ['input=x9', 'output=x9']
  for (const plan of [await planOf(rows), await planOf(rows, { drift })]) {
    const { promptTokens, outputTokens } = plan.columns
    expect(Math.min(...promptTokens.subarray(0, 2))).toBe(2 ** 31)
    expect(Math.min(...outputTokens)).toBe(2 ** 31)
  }
})

test('the window is half open, on the clock of the trace', async () => {
  const plan = await planOf(every(10, 1e6), { from: '2s', to: '5s' })
  expect([...plan.columns.seq]).toEqual([2, 3, 4])
  expect([...plan.columns.dueUs]).toEqual([0, 1e6, 2e6])
  await expect(planOf(every(10, 1e6), { from: '20s' })).rejects.toThrow('the window has no request')
  await expect(planOf([], { from: '5s', to: '5s' })).rejects.toThrow('nothing lies between')
})

test('a limit takes the earliest sends, also where jitter has changed who that is', async () => {
  const rows = every(200, 1_000)
  const whole = await planOf(rows, { jitter: '50ms' })
  const cut = await planOf(rows, { jitter: '50ms', limit: '20' })
  expect(Array.from(cut.columns.seq)).toEqual(Array.from(whole.columns.seq.slice(0, 20)))
  expect((await planOf(rows, { limit: '20' })).count).toBe(20)
})

test('speed divides every instant', async () => {
  const plan = await planOf(every(5, 1e6), { speed: '4x' })
  expect([...plan.columns.dueUs]).toEqual([0, 250_000, 500_000, 750_000, 1_000_000])
})

test('drift is written on the clock before drift of the rate, its truth on the clock sent', async () => {
  const plan = await planOf(every(21, 1e6), {
    drift: ['rate=x2 at 10s', 'input=x3 at 16s'],
  })
  expect(plan.columns.dueUs[20]).toBe(15e6)
  expect([...plan.columns.promptTokens]).toEqual([
    ...Array.from({ length: 16 }, () => 100),
    ...Array.from({ length: 5 }, () => 300),
  ])
  expect(plan.events.map(({ atUs, kind }) => [atUs, kind])).toEqual([
    [10e6, 'drift'],
    [13e6, 'drift'],
  ])
})

test('a gradual change mixes old and new requests in the stated share', async () => {
  const plan = await planOf(every(4_000, 1_000), {
    drift: ['output=x10 at 1s over 2s gradual'],
  })
  const changedIn = (from: number, to: number) =>
    plan.columns.outputTokens.slice(from, to).filter((tokens) => tokens === 100).length /
    (to - from)
  expect(Math.abs(changedIn(1_900, 2_100) - 0.5)).toBeLessThan(0.1)
  expect(changedIn(0, 500)).toBeLessThan(0.08)
  expect(changedIn(3_500, 4_000)).toBeGreaterThan(0.92)
  expect([...new Set(plan.columns.outputTokens)].toSorted((a, b) => a - b)).toEqual([10, 100])
})

test('hang-ups before the first token are by time, later ones by tokens, and are asked for longer', async () => {
  const ok = every(50, 1e6, { outputTokens: 500 })
  const plan = await planOf(
    [
      ...ok,
      { atUs: 100e6, outcome: 'client_abort', outputTokens: 0, abortUs: 70_000, maxTokens: 900 },
      { atUs: 101e6, outcome: 'client_abort', outputTokens: 38, abortUs: 900_000 },
      { atUs: 102e6, outcome: 'client_abort', outputTokens: 38, abortUs: 1, stream: false },
      { atUs: 103e6, outcome: 'client_abort', outputTokens: 700, abortUs: 9, maxTokens: 400 },
    ],
    { speed: '10x' },
  )
  const { flags, abortAt, outputTokens } = plan.columns
  expect(Array.from(flags.slice(50))).toEqual([
    ABORT_BY_TIME,
    ABORT_BY_TOKENS,
    ABORT_BY_TIME,
    ABORT_BY_TOKENS,
  ])
  expect(Array.from(abortAt.slice(50))).toEqual([70_000, 38, 1, 700])
  expect(Array.from(outputTokens.slice(50))).toEqual([900, 500, 500, 1_400])
})

test('--abort-at makes all hang-ups of one kind, or none', async () => {
  const rows = [{ outcome: 'client_abort', outputTokens: 5, abortUs: 900, maxTokens: 50 } as const]
  const kinds = await Promise.all(
    ['recorded', 'time', 'tokens', 'never'].map(async (abortAt) => {
      const { columns } = await planOf(rows, { abortAt })
      return [columns.flags[0], columns.abortAt[0], columns.outputTokens[0]]
    }),
  )
  expect(kinds).toEqual([
    [ABORT_BY_TOKENS, 5, 50],
    [ABORT_BY_TIME, 900, 50],
    [ABORT_BY_TOKENS, 5, 50],
    [0, 0, 50],
  ])
})

test('what the server failed is sent as demand, what it refused is left out and counted', async () => {
  const rows: Partial<RequestRow>[] = [
    { promptTokens: 40, outputTokens: 20, requestBytes: 400 },
    { outcome: 'http_error', status: 503, promptTokens: null, outputTokens: null },
    { outcome: 'http_error', status: 429, promptTokens: null, requestBytes: 50, outputTokens: 0 },
    { outcome: 'http_error', status: 400, promptTokens: null },
    { outcome: 'timeout', promptTokens: 77, outputTokens: null },
    { outcome: 'unobserved_end', promptTokens: 78, outputTokens: 3 },
    { label: 'replay' },
    { endpoint: 'other' },
  ]
  const plan = await planOf(rows.map((row, index) => ({ atUs: index, ...row })))
  expect([...plan.columns.seq]).toEqual([0, 1, 2, 4, 5])
  expect([...plan.columns.promptTokens]).toEqual([40, 40, 5, 77, 78])
  expect([...plan.columns.outputTokens]).toEqual([20, 20, 20, 20, 20])
  expect([...plan.columns.flags]).toEqual([
    0,
    FAILED_IN_SOURCE | SIZES_ESTIMATED,
    FAILED_IN_SOURCE | SIZES_ESTIMATED,
    FAILED_IN_SOURCE,
    FAILED_IN_SOURCE,
  ])
  expect(plan.skipped).toEqual({ 'refused (4xx)': 1, 'label replay': 1, 'endpoint unknown': 1 })
  const skipping = await planOf(rows, { failed: 'skip' })
  expect(skipping.skipped).toMatchObject({ failed: 4 })
})

test('counts that are missing are learned from bytes and marked', async () => {
  const plan = await planOf([
    { atUs: 0, promptTokens: 100, requestBytes: 500, outputTokens: 10, responseBytes: 2_000 },
    { atUs: 1, promptTokens: null, requestBytes: 250, outputTokens: null, responseBytes: 800 },
    { atUs: 2, tokenSource: 'estimate' },
  ])
  expect([...plan.columns.promptTokens]).toEqual([100, 50, 100])
  expect([...plan.columns.outputTokens]).toEqual([10, 4, 10])
  expect([...plan.columns.flags]).toEqual([0, SIZES_ESTIMATED, SIZES_ESTIMATED])
})

test('embeddings ask for nothing, several choices and prompts for the length of one answer', async () => {
  const plan = await planOf([
    { atUs: 0, endpoint: 'embeddings', outputTokens: 0 },
    { atUs: 1, n: 4, outputTokens: 42 },
    // As vLLM told it of two prompts in one request with max_tokens 11.
    { atUs: 2, endpoint: 'completions', inputCount: 2, promptTokens: 7, outputTokens: 22 },
    { atUs: 3, endpoint: 'completions', inputCount: 2, n: 3, outputTokens: 30 },
    { atUs: 4, inputCount: 2, maxTokens: 10, outputTokens: 12, outcome: 'client_abort' },
  ])
  expect([...plan.columns.outputTokens]).toEqual([0, 11, 11, 5, 10])
})

test('a turn comes after the last answer of its session that had ended', async () => {
  const plan = await planOf([
    { atUs: 0, session: 's', e2eUs: 1_000 },
    { atUs: 500, session: 's', e2eUs: 100 },
    { atUs: 2_000, session: 's', e2eUs: 5, uploadUs: 5 },
    { atUs: 2_500, session: 't' },
    { atUs: 3_000, session: 't', parentSeq: 2 },
  ])
  expect([...plan.columns.parent]).toEqual([NONE, NONE, 1, NONE, 2])
  expect([...plan.columns.thinkUs]).toEqual([0, 0, 1_400, 0, 990])
})

const chain: BlockRow[] = [
  { id: 1n, parent: null, tokens: 16 },
  { id: 2n, parent: 1n, tokens: 16 },
  { id: 3n, parent: 2n, tokens: 16 },
  { id: 4n, parent: 1n, tokens: 16 },
]

test('only the blocks that the plan reaches are kept, and a shorter prompt quotes less', async () => {
  const rows = [
    { prefixLeaf: 3n, promptTokens: 60 },
    { atUs: 1, prefixLeaf: null },
  ]
  const whole = await planOf(rows, {}, chain)
  expect([...whole.blocks.id]).toEqual([1n, 2n, 3n])
  expect([...whole.columns.leaf]).toEqual([2, NONE])
  const shorter = await planOf(rows, { drift: ['input=x0.6'] }, chain)
  expect(shorter.columns.promptTokens[0]).toBe(36)
  expect(shorter.blocks.id[shorter.columns.leaf[0]!]).toBe(2n)
})

const traffic = fc.array(
  fc.record({
    atUs: fc.nat(60_000_000),
    promptTokens: fc.integer({ min: 1, max: 9_999 }),
    outputTokens: fc.integer({ min: 1, max: 999 }),
    session: fc.constantFrom(null, 'a', 'b'),
    tenant: fc.constantFrom(null, 't'),
  }),
  { minLength: 1, maxLength: 60 },
)

test('no flag, no change: jitter 0 and speed 1x give the same schedule as nothing at all', async () => {
  await fc.assert(
    fc.asyncProperty(traffic, async (rows) => {
      const plain = await planOf(rows)
      const same = await planOf(rows, { jitter: '0', speed: '1x', seed: '99' })
      expect(same.sha256).toBe(plain.sha256)
    }),
    { numRuns: 30 },
  )
})

test('the same seed gives the same schedule, another seed another one', async () => {
  const rows = every(100, 1e5, { session: 's' })
  const raw = { jitter: '90ms:normal', speed: '2x', drift: ['output=x3 over 5s gradual'] }
  const [first, again, other] = await Promise.all([
    planOf(rows, { ...raw, seed: 'a' }),
    planOf(rows, { ...raw, seed: 'a' }),
    planOf(rows, { ...raw, seed: 'b' }),
  ])
  expect(again.sha256).toBe(first.sha256)
  expect(other.sha256).not.toBe(first.sha256)
})

test('the published schedule digest holds on any machine', async () => {
  const rows = every(50, 123_457, { session: 's', model: 'm', tenant: 't' })
  const plan = await planOf(
    rows,
    { speed: '2x', jitter: '20ms:exponential', drift: ['rate=x2 at 1s over 1s'], seed: '7' },
    chain,
  )
  expect(plan.sha256).toMatchInlineSnapshot(
    `"9380e96ef759c853d516e21e001bf03d9b5532e219fcb16dc1bebd3760d08db0"`,
  )
})

test('a recording without a digest plans like the file that is made from it', async () => {
  const rows = every(40, 1e6)
  const raw = { jitter: '50ms', seed: '3' }
  const folder = demandTrace(rows, [], { rowDigest: null })
  const file = demandTrace(rows, [], { rowDigest: await rowDigest(folder) })
  const [fromFolder, fromFile] = await Promise.all(
    [folder, file].map((trace) => planOfTrace(trace, raw)),
  )
  expect(fromFolder!.sha256).toBe(fromFile!.sha256)
  expect(fromFolder!.source.rowDigest).toBe(fromFile!.source.rowDigest)
})

test('a change that no request would meet is refused, and one that a limit cuts off is no truth', async () => {
  const rows = [{}, { atUs: 60_000_000 }, { atUs: 120_000_000 }]
  const late = ['input=x2 at 10m', 'rate=x2 at 3m', 'rate:users=x2 at 121s']
  for (const text of late) {
    await expect(planOf(rows, { drift: [text] })).rejects.toThrow(
      `'${text}' begins after the last request, at 2 min 00 s`,
    )
  }
  await expect(planOf(rows, { anomaly: ['burst=x5 at 1h for 1m'] })).rejects.toThrow(
    'after the last',
  )
  const cut = await planOf(rows, { drift: ['input=x2 at 90s'], duration: '70s' })
  expect([cut.count, cut.events]).toEqual([2, []])
  const quiet = await planOf(rows, { anomaly: ['silence at 90s for 10m'] })
  expect(quiet.events.map(({ atUs }) => atUs)).toEqual([90_000_000])
})
