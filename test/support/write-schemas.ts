/** `npm run docs` writes docs/*.schema.json with it; a test fails while they are stale. */
import { writeFileSync } from 'node:fs'
import { INSPECTION_VERSION } from '../../src/report/inspection.ts'
import { REPORT_VERSION } from '../../src/report/report.ts'
import { type Schema, schemaOf, shared } from './json-schema.ts'
import { sampleInspections, sampleReports } from './sample-documents.ts'

/** Keys of these come from the trace. */
const MAPS = new Set([
  'models',
  'adapters',
  'endpoints',
  'outcomes',
  'finish_reasons',
  'token_sources',
  'events',
  'by_outcome',
  'by_status',
  'by_finish_reason',
  'by_token_source',
  'completed_by_reason',
])

const NAMES = { maps: MAPS, free: new Set(['arguments']) }

export async function schemas(): Promise<Record<string, Schema & Record<string, unknown>>> {
  const head = (title: string, version: number) => ({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    description: `schema_version ${version}; fields may be added within a version, none is removed or changes its meaning`,
  })
  return {
    'docs/inspect.schema.json': {
      ...head('trace inspect --json', INSPECTION_VERSION),
      ...shared(schemaOf(await sampleInspections(), NAMES)),
    },
    'docs/report.schema.json': {
      ...head('trace report --json', REPORT_VERSION),
      ...shared(schemaOf(await sampleReports(), NAMES)),
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, schema] of Object.entries(await schemas())) {
    writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`)
  }
}
