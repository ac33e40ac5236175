import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import { sampler, parseLaw } from '../../src/workload/law.ts'
import { driftBetween, driftWithin } from '../../src/workload/drift-watch.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, NONE, type Plan } from '../../src/workload/plan.ts'
import { sharedTokens } from '../../src/workload/shared-tokens.ts'
import { demandTrace } from '../support/demand-trace.ts'
import { planOf } from './plan-of.ts'

const HOUR_US = 3_600_000_000

/** Eight system prompts of 256 tokens; the ids are 1 to 8. */
const SYSTEM: readonly BlockRow[] = Array.from({ length: 8 }, (_, index) => ({
  id: BigInt(index + 1),
  parent: null,
  tokens: 256,
}))

/** An hour of Poisson traffic with skewed lengths, three tenants, shared prefixes and hang-ups. */
function steady(seed: string, count = 4_000): Partial<RequestRow>[] {
  const uniform = sequenceFor(seed, 'drift test')
  const prompt = sampler(parseLaw({ law: 'lognormal', p50: 800, sigma: 0.8, min: 1 }, ''), uniform)
  const output = sampler(parseLaw({ law: 'exponential', mean: 200, min: 1 }, ''), uniform)
  const manners = sequenceFor(seed, 'sharing and patience')
  let atUs = 0
  return Array.from({ length: count }, () => {
    atUs += Math.round((-Math.log(1 - uniform()) * HOUR_US) / count)
    const isLeaving = manners() < 0.08
    return {
      atUs,
      promptTokens: Math.round(prompt()),
      outputTokens: Math.round(output()),
      tenant: `t${Math.floor(uniform() * 3)}`,
      prefixLeaf: manners() < 0.8 ? BigInt(1 + Math.floor(manners() * 8)) : null,
      ...(isLeaving ? { outcome: 'client_abort', abortUs: 1_000_000, maxTokens: 2_000 } : {}),
    }
  })
}

/** What a replay of the plan would record as its demand. */
function sent(plan: Plan) {
  const { columns, blocks } = plan
  return demandTrace(
    [...columns.dueUs].map((atUs, row) => ({
      atUs,
      promptTokens: columns.promptTokens[row]!,
      outputTokens: isHungUp(plan, row) ? columns.abortAt[row]! : columns.outputTokens[row]!,
      tenant: plan.shapes[columns.shape[row]!]!.tenant,
      prefixLeaf: blocks.id[columns.leaf[row]!] ?? null,
      outcome: isHungUp(plan, row) ? 'client_abort' : 'ok',
    })),
    SYSTEM,
  )
}

function isHungUp({ columns }: Plan, row: number): boolean {
  return (columns.flags[row]! & (ABORT_BY_TIME | ABORT_BY_TOKENS)) > 0
}

test('two hundred seeds without drift raise next to no alarm', async () => {
  const alarms: string[] = []
  for (let seed = 0; seed < 200; seed += 1) {
    const findings = await driftWithin(demandTrace(steady(`steady ${seed}`, 1_500), SYSTEM))
    alarms.push(...findings.map(({ signal }) => `${seed} ${signal}`))
  }
  expect(alarms.length).toBeLessThanOrEqual(4)
}, 60_000)

test.each([
  ['input=x1.5 at 24m', 'input'],
  ['output=x0.5 at 24m', 'output'],
  ['rate=x2 at 24m', 'rate'],
  ['rate:users=x1.6 at 24m', 'rate'],
  ['mix:tenant:t1=x3 at 24m', 'tenant t1'],
  ['prefix=x0.5 at 24m', 'prefix'],
  ['hangups=x3 at 24m', 'hangups'],
  ['hangups=x0 at 36m', 'hangups'],
])('injected drift %s is found back at its place, as what it was', async (drift, signal) => {
  const plan = await planOf(steady('7'), { drift: [drift] }, SYSTEM)
  const [truth] = plan.events
  const findings = await driftWithin(sent(plan))
  const found = findings.find((finding) => finding.signal === signal)
  expect(found).toBeDefined()
  expect(Math.abs(found!.atUs! - truth!.atUs) / plan.spanUs).toBeLessThan(0.06)
  const others = findings.filter((finding) => finding.signal.split(' ')[0] !== signal.split(' ')[0])
  expect(others).toEqual([])
})

test.each([
  ['input=x1.5 at 30m', 'input'],
  ['prefix=x0.6 at 30m', 'prefix'],
  ['hangups=x3 at 30m', 'hangups'],
])(
  'most seeds find %s within a twentieth of the span',
  async (drift, wanted) => {
    let hits = 0
    for (let seed = 0; seed < 20; seed += 1) {
      const plan = await planOf(steady(`seed ${seed}`, 1_500), { drift: [drift] }, SYSTEM)
      const findings = await driftWithin(sent(plan))
      const isClose = ({ signal, atUs }: (typeof findings)[number]) =>
        signal === wanted && Math.abs(atUs! - HOUR_US / 2) / HOUR_US < 0.05
      if (findings.some(isClose)) hits += 1
    }
    expect(hits).toBeGreaterThanOrEqual(18)
  },
  60_000,
)

test('between two traces each signal is judged', async () => {
  const verdict = async (first: Partial<RequestRow>[], second: Partial<RequestRow>[]) => {
    const findings = await driftBetween(demandTrace(first, SYSTEM), demandTrace(second, SYSTEM))
    return findings.filter(({ isDrift }) => isDrift).map(({ signal }) => signal)
  }
  const longer = steady('9').map((row) => ({ ...row, promptTokens: row.promptTokens! * 2 }))
  expect(await verdict(steady('7'), steady('8'))).toEqual([])
  expect(await verdict(steady('7'), longer)).toEqual(['input'])
  expect(await verdict(steady('7', 8_000), steady('8', 2_000))).toEqual(['rate'])
  const alone = steady('9').map((row) => ({ ...row, prefixLeaf: null }))
  expect(await verdict(steady('7'), alone)).toEqual(['prefix'])
  const patient = steady('9').map((row) => ({ ...row, outcome: 'ok' }))
  expect(await verdict(patient, steady('7'))).toEqual(['hangups'])
  const joined = steady('9').map((row, at) => (at % 2 === 0 ? { ...row, tenant: 'new' } : row))
  expect(await verdict(steady('7'), joined)).toContain('tenant new')
  const renamed = steady('9').map((row) => ({ ...row, tenant: `other ${row.tenant}` }))
  expect(await verdict(steady('7'), renamed)).toEqual([])
})

test('sharing is what others begin with too, sooner or later, in stretches as long as the other trace', () => {
  // 1 ← 2 ← 3, and 4 on its own.
  const blocks = {
    id: BigUint64Array.of(1n, 2n, 3n, 4n),
    parent: Uint32Array.of(NONE, 0, 1, NONE),
    tokens: Uint32Array.of(10, 10, 5, 7),
  }
  const leaves = Uint32Array.of(1, 2, 0, 3, NONE, 2)
  const tokens = [20, 25, 15, 9, 50, 25]
  expect([...sharedTokens(blocks, leaves, tokens, 6)]).toEqual([20, 25, 10, 0, 0, 25])
  expect([...sharedTokens(blocks, leaves, tokens, 3)]).toEqual([20, 20, 10, 0, 0, 0])
  // A prompt that is shorter than its prefix says nothing beyond its end.
  expect([...sharedTokens(blocks, leaves, [12, 25, 15, 9, 50, 25], 6)].at(0)).toBe(12)
})
