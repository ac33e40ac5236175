import { expect, test } from 'vitest'
import { fluidityIndex } from '../../src/report/fluidity.ts'
import { parseObjectiveFile, parseObjectives } from '../../src/report/objective.ts'
import { buildReport } from '../../src/report/report.ts'
import { objectiveText } from '../../src/report/slo-text.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

/** One request in ten takes 900 ms to its first token; one in twenty fails. */
function rows(): Partial<RequestRow>[] {
  return Array.from({ length: 400 }, (_, index) => ({
    atUs: index * 10_000,
    lagUs: 0,
    stream: true,
    outcome: index % 20 === 7 ? 'http_error' : 'ok',
    tenant: index < 200 ? 'early' : 'late',
    promptTokens: 100,
    outputTokens: 11,
    ...(index % 20 === 7
      ? {}
      : {
          ttftUs: index % 10 === 3 ? 900_000 : 100_000,
          e2eUs: index % 10 === 3 ? 1_000_000 : 200_000,
        }),
  }))
}

async function judged(...texts: string[]) {
  const objectives = texts.flatMap(parseObjectives)
  const { slo } = await buildReport(unsavedTrace({ kind: 'replayed', requests: rows() }), null, {
    objectives,
    profile: null,
  })
  return slo!
}

test('an objective is met, missed, or left open where too few samples bound it', async () => {
  const { objectives } = await judged(
    'ttft.p50<200ms',
    'ttft.p99<500ms',
    'error_rate<1%',
    'ttft.p99.9<1s',
  )
  expect(objectives.map(({ met }) => met)).toEqual([true, false, false, null])
})

test('an objective that nearly all miss is missed, however few they are', async () => {
  const { objectives } = await judged('ttft.p99.9<50ms', 'ttft.p99.9<800ms', 'ttft.p99.9<1s')
  expect(objectives.map(({ met, value }) => [met, value])).toEqual([
    [false, null],
    [false, null],
    [null, null],
  ])
  expect(objectiveText(objectives[0]!)).toBe(
    'ttft.p99.9<50ms MISSED: too few samples to say by how much',
  )
})

test('< is missed by what is just at its limit, <= is not', async () => {
  const { objectives } = await judged('error_rate<5%', 'error_rate<=5%', 'ttft.p50<=100ms')
  expect(objectives.map(({ met }) => met)).toEqual([false, true, true])
})

test('goodput counts each request that met every bound; failed ones stay in the denominator', async () => {
  const slo = await judged('ttft.p99<500ms')
  expect(slo.goodput).toBeCloseTo(1 - 0.05 - 0.1, 10)
  expect(slo.by.tenant.map(({ name, requests }) => [name, requests])).toEqual([
    ['early', 200],
    ['late', 200],
  ])
})

test('the budget of a p90 objective is a tenth of the requests', async () => {
  const [budget] = (await judged('ttft.p90<500ms')).budgets
  expect(budget!.allowed_share).toBeCloseTo(0.1, 10)
  expect(budget!.used).toBeCloseTo(1.5, 10)
  expect(budget!.month_lasts_days).toBeCloseTo(20, 10)
})

test('a preset stands for its two objectives, and a file for its lines', () => {
  expect(parseObjectives('mlperf:llama3.1-8b').map(({ text }) => text)).toEqual([
    'ttft.p99<=2000ms',
    'tpot.p99<=100ms',
  ])
  expect(parseObjectiveFile('# ours\n\nttft.p95<1s\nerror_rate<0.5%\n')).toHaveLength(2)
})

test.each([
  'constructor<1',
  'toString.p50<1s',
  'mlperf:valueOf',
  'ttft.p99>500ms',
  'ttft.p99<500',
  'mlperf:none',
  'completed<5/s',
  'error_rate<1',
  'error_rate<5',
  'p99<1s',
])("'%s' is no objective", (text) => {
  expect(() => parseObjectives(text)).toThrow(/--slo/)
})

test('an error rate without a sign of percent is a share, and whoever meant percent is told', () => {
  expect(parseObjectives('error_rate<0.05')).toMatchObject([{ limit: 0.05 }])
  expect(() => parseObjectives('error_rate<1')).toThrow(
    expect.objectContaining({ hint: 'Did you mean error_rate<1%?' }),
  )
})

test('time saved early is spent later, and a late token sets the clock anew', () => {
  const deadlines = { firstUs: 100, nextUs: 10 }
  expect(fluidityIndex([50, 60, 130, 131], null, deadlines)).toBe(0.75)
  expect(fluidityIndex([100, 110, 120], null, deadlines)).toBe(1)
  expect(fluidityIndex([150, 155], null, deadlines)).toBe(0.5)
  expect(fluidityIndex([100, 120], [1, 2], deadlines)).toBe(2 / 3)
})
