import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { sampler, parseLaw } from '../../src/workload/law.ts'
import { driftBetween, driftWithin } from '../../src/workload/drift-watch.ts'
import type { Plan } from '../../src/workload/plan.ts'
import { demandTrace } from '../support/demand-trace.ts'
import { planOf } from './plan-of.ts'

const HOUR_US = 3_600_000_000

/** An hour of Poisson traffic with skewed lengths and three tenants. */
function steady(seed: string, count = 4_000): Partial<RequestRow>[] {
  const uniform = sequenceFor(seed, 'drift test')
  const prompt = sampler(parseLaw({ law: 'lognormal', p50: 800, sigma: 0.8, min: 1 }, ''), uniform)
  const output = sampler(parseLaw({ law: 'exponential', mean: 200, min: 1 }, ''), uniform)
  let atUs = 0
  return Array.from({ length: count }, () => {
    atUs += Math.round((-Math.log(1 - uniform()) * HOUR_US) / count)
    return {
      atUs,
      promptTokens: Math.round(prompt()),
      outputTokens: Math.round(output()),
      tenant: `t${Math.floor(uniform() * 3)}`,
    }
  })
}

/** What a replay of the plan would record as its demand. */
function sent(plan: Plan) {
  return demandTrace(
    [...plan.columns.dueUs].map((atUs, row) => ({
      atUs,
      promptTokens: plan.columns.promptTokens[row]!,
      outputTokens: plan.columns.outputTokens[row]!,
      tenant: plan.shapes[plan.columns.shape[row]!]!.tenant,
    })),
  )
}

test('two hundred seeds without drift raise next to no alarm', async () => {
  const alarms: string[] = []
  for (let seed = 0; seed < 200; seed += 1) {
    const findings = await driftWithin(demandTrace(steady(`steady ${seed}`, 1_500)))
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
])('injected drift %s is found back at its place, as what it was', async (drift, signal) => {
  const plan = await planOf(steady('7'), { drift: [drift] })
  const [truth] = plan.events
  const findings = await driftWithin(sent(plan))
  const found = findings.find((finding) => finding.signal === signal)
  expect(found).toBeDefined()
  expect(Math.abs(found!.atUs! - truth!.atUs) / plan.spanUs).toBeLessThan(0.06)
  const others = findings.filter((finding) => finding.signal.split(' ')[0] !== signal.split(' ')[0])
  expect(others).toEqual([])
})

test('most seeds find a change of lengths by a half within a twentieth of the span', async () => {
  let hits = 0
  for (let seed = 0; seed < 20; seed += 1) {
    const plan = await planOf(steady(`seed ${seed}`, 1_500), { drift: ['input=x1.5 at 30m'] })
    const findings = await driftWithin(sent(plan))
    const isClose = ({ signal, atUs }: (typeof findings)[number]) =>
      signal === 'input' && Math.abs(atUs! - HOUR_US / 2) / HOUR_US < 0.05
    if (findings.some(isClose)) hits += 1
  }
  expect(hits).toBeGreaterThanOrEqual(18)
}, 60_000)

test('between two traces each signal is judged', async () => {
  const verdict = async (first: Partial<RequestRow>[], second: Partial<RequestRow>[]) => {
    const findings = await driftBetween(demandTrace(first), demandTrace(second))
    return findings.filter(({ isDrift }) => isDrift).map(({ signal }) => signal)
  }
  const longer = steady('9').map((row) => ({ ...row, promptTokens: row.promptTokens! * 2 }))
  expect(await verdict(steady('7'), steady('8'))).toEqual([])
  expect(await verdict(steady('7'), longer)).toEqual(['input'])
  expect(await verdict(steady('7', 8_000), steady('8', 2_000))).toEqual(['rate'])
})
