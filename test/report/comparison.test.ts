import { expect, test } from 'vitest'
import { compareRuns } from '../../src/report/comparison.ts'
import { comparisonPage } from '../../src/report/comparison-page.ts'
import { formatComparison } from '../../src/report/comparison-text.ts'
import { parseGate } from '../../src/report/gate.ts'
import { buildReport } from '../../src/report/report.ts'
import type { TraceHeader } from '../../src/trace/header.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const GATES = [parseGate('ttft.p50<+10%')]
const PLAN = { planSha256: 'a'.repeat(64), labels: { source: 'c'.repeat(64) }, seed: '1' }

async function runOf(header: Partial<TraceHeader>, count = 200) {
  const requests = Array.from({ length: count }, (_, index) => ({
    atUs: index * 10_000,
    lagUs: 0,
    sourceSeq: index,
    stream: true,
    outcome: 'ok' as const,
    outputTokens: 2,
    promptTokens: 10,
    tokenSource: 'server' as const,
    ttftUs: 100_000 + ((index * 37) % 101),
    e2eUs: 200_000,
  }))
  const kind = header.planSha256 === undefined ? 'recorded' : 'replayed'
  return buildReport(unsavedTrace({ kind, header, requests }), null)
}

const five = <T>(each: T) => Array.from({ length: 5 }, () => each)

test('runs of one plan are judged, and so is a recording beside them', async () => {
  const [run, recording] = [await runOf(PLAN), await runOf({})]
  for (const other of [run, recording]) {
    const comparison = compareRuns(five(other), five(run), GATES)
    expect(comparison).toMatchObject({ load_differences: [], exit_code: 0 })
    expect(formatComparison(comparison)).not.toContain('not the same load')
  }
})

const FASTER = [{ name: 'speed', arguments: { speed: 2 } }]

test.each([
  {
    what: 'another speed',
    header: { ...PLAN, planSha256: 'b'.repeat(64), transforms: FASTER },
    says: ['schedules aaaaaaaa / bbbbbbbb', 'speed none / speed=2'],
  },
  {
    what: 'another source trace and seed, and fewer requests',
    header: {
      planSha256: 'b'.repeat(64),
      labels: { source: 'd'.repeat(64) },
      seed: '2',
    },
    count: 150,
    says: [
      'schedules aaaaaaaa / bbbbbbbb',
      'source traces cccccccc / dddddddd',
      'seeds 1 / 2',
      'requests 200 / 150',
    ],
  },
  {
    what: 'another shard of the same plan',
    header: { ...PLAN, transforms: [{ name: 'shard', arguments: { index: 1, count: 2 } }] },
    says: ['shard none / index=1 count=2'],
  },
  {
    what: 'only a part, having been stopped',
    header: { ...PLAN, interrupted: true },
    says: ['stopped early: b1, b2, b3, b4, b5'],
  },
])('gates decide nothing where B got $what, and the first lines say it', async (given) => {
  const [a, b] = [await runOf(PLAN), await runOf(given.header, given.count)]
  const comparison = compareRuns(five(a), five(b), GATES)
  expect(comparison.load_differences).toEqual(given.says)
  expect(comparison.gates).toEqual([
    {
      gate: 'ttft.p50<+10%',
      decision: 'inconclusive',
      reason: 'the runs did not get the same load',
    },
  ])
  expect(comparison.exit_code).toBe(97)
  const said = formatComparison(comparison)
  expect(said).toMatch(/^not the same load: .*\n(?: .*\n)*INCONCLUSIVE {2}ttft/)
  for (const each of given.says) expect(said).toContain(each)
  expect(said).not.toContain('PASS')
  expect(comparisonPage(comparison)).toContain('not the same load')
})

test('INVALID runs are named as they were given', async () => {
  const run = await runOf(PLAN)
  const invalid = { ...run, verdict: { ...run.verdict, status: 'INVALID' as const } }
  const names = ['mon.sqlite', 'tue.sqlite', 'wed.sqlite']
  const comparison = compareRuns([run], [run, invalid], GATES, { names })
  expect(comparison).toMatchObject({ invalid: ['wed.sqlite'], exit_code: 98 })
  expect(formatComparison(comparison)).toMatch(/^INVALID {2}wed\.sqlite: repeat before deciding/)
})
