import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { violations } from '../support/json-schema.ts'
import {
  drawnInspection,
  drawnReport,
  sampleInspections,
  sampleReports,
} from '../support/sample-documents.ts'
import { schemas } from '../support/write-schemas.ts'

const LONG_MS = 60_000

test(
  'the published schemas are those of the documents (node test/support/write-schemas.ts rewrites them)',
  async () => {
    for (const [path, schema] of Object.entries(await schemas())) {
      expect({ [path]: JSON.parse(readFileSync(path, 'utf8')) }).toEqual({
        [path]: JSON.parse(JSON.stringify(schema)),
      })
    }
  },
  LONG_MS,
)

test(
  'documents of full, small and empty traces follow them, and a wrong type is found',
  async () => {
    const [inspect, report] = ['docs/inspect.schema.json', 'docs/report.schema.json'].map((path) =>
      JSON.parse(readFileSync(path, 'utf8')),
    )
    expect((await sampleInspections()).flatMap((each) => violations(inspect, each))).toEqual([])
    expect((await sampleReports()).flatMap((each) => violations(report, each))).toEqual([])
    expect(violations(inspect, { ...(await sampleInspections())[0], arrivals: 3 })).toEqual([
      '$.arrivals: number',
    ])
  },
  LONG_MS,
)

test(
  'documents that had no part in them follow them, too: whatever a trace lacks',
  async () => {
    const [inspect, report] = ['docs/inspect.schema.json', 'docs/report.schema.json'].map((path) =>
      JSON.parse(readFileSync(path, 'utf8')),
    )
    for (let seed = 1_000; seed < 1_040; seed += 1) {
      expect([seed, ...violations(report, await drawnReport(seed))]).toEqual([seed])
      expect([seed, ...violations(inspect, await drawnInspection(seed))]).toEqual([seed])
    }
  },
  LONG_MS,
)
