import { expect, test } from 'vitest'
import { emitReport } from '../../src/report/emit.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { Outputs } from '../../src/report/outputs.ts'
import { buildReport } from '../../src/report/report.ts'
import { testWorld } from '../support/test-world.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const FEW = unsavedTrace({
  kind: 'imported',
  requests: Array.from({ length: 100 }, (_, index) => ({
    atUs: index * 10_000,
    stream: true,
    outcome: 'ok',
    outputTokens: 2,
    ttftUs: 100_000 + index,
    e2eUs: 200_000,
  })),
})

const [MET, OPEN, MISSED] = ['ttft.p50<2s', 'ttft.p99.9<2s', 'ttft.p50<1ms']

test.each([
  { slo: [MET], code: 0 },
  { slo: [MET, OPEN], code: 97 },
  { slo: [OPEN, MISSED], code: 99 },
  { slo: [], code: 0 },
])('objectives $slo end with $code: one left open is not passed', async ({ slo, code }) => {
  const objectives = slo.flatMap((text) => parseObjectives(text))
  const report = await buildReport(FEW, null, { objectives, profile: null })
  const { world, said } = testWorld()
  expect(await emitReport(report, await Outputs.open({}), world, false)).toBe(code)
  expect(said.out.includes('too few samples to say')).toBe(slo.includes(OPEN))
  const invalid = { ...report, verdict: { ...report.verdict, status: 'INVALID' as const } }
  expect(await emitReport(invalid, await Outputs.open({}), world, false)).toBe(98)
})
