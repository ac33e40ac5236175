/** docs/formats.md as it should be now: the table is made from the importers, exporters and tests. */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { EXPORTERS } from '../../src/formats/exporters.ts'
import { IMPORTERS } from '../../src/formats/importers.ts'

const root = new URL('../../', import.meta.url)

const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8')

const sources = globSync('src/formats/*.ts', { cwd: root }).map((path) => ({
  path,
  text: textOf(path),
}))
const tests = globSync('test/formats/*.test.ts', { cwd: root }).toSorted()

/** The test file of each importer, by name; a format without one fails `test/formats/document.test.ts`. */
export const TEST_OF: Readonly<Record<string, string>> = {
  azure: 'azure',
  mooncake: 'mooncake',
  burstgpt: 'lengths',
  vidur: 'lengths',
  splitwise: 'lengths',
  ragpulse: 'lengths',
  llmservingsim: 'lengths',
  'llmservingsim-result': 'lengths',
  'llmservingsim-tsv': 'lengths',
  aibrix: 'lengths',
  bailian: 'sessions',
  weka: 'sessions',
  'weka-lines': 'sessions',
  tracelab: 'sessions',
  'session-csv': 'sessions',
  lmcache: 'sessions',
  dynamo: 'graphs',
  'agentic-mooncake': 'graphs',
  satf: 'graphs',
  otel: 'graphs',
  'otel-lines': 'graphs',
  litellm: 'logs',
  trafficlens: 'logs',
  sagemaker: 'logs',
  har: 'logs',
  'access-log': 'logs',
  'vllm-bench': 'logs',
  aiperf: 'logs',
  guidellm: 'logs',
  'inference-perf': 'logs',
  'inference-sim': 'logs',
  'inference-perf-summary': 'perf-summary',
  baseten: 'tables',
  csv: 'round-trip',
  jsonl: 'round-trip',
  parquet: 'round-trip',
  arrow: 'tables',
}

function fileWith(name: string, kind: 'reader' | 'writer'): string {
  const isWriter = (path: string) => path.endsWith('-writer.ts')
  const found = sources.find(
    ({ path, text }) =>
      isWriter(path) === (kind === 'writer') && new RegExp(`\\n  name: '${name}',`).test(text),
  )
  return found === undefined ? '' : `\`${basename(found.path)}\``
}

function table(): string {
  const names = [
    ...IMPORTERS.map(({ name }) => name),
    ...EXPORTERS.map(({ name }) => name).filter(
      (name) => !IMPORTERS.some((importer) => importer.name === name),
    ),
  ]
  const rows = names.map((name) => {
    const importer = IMPORTERS.find((one) => one.name === name)
    const exporter = EXPORTERS.find((one) => one.name === name)
    const kind = importer?.traceKind === 'replayed' ? 'a replayed trace' : ''
    const unit = importer === undefined ? '' : UNITS[importer.unit]
    const test = TEST_OF[name] ?? ''
    const isTested = tests.includes(`test/formats/${test}.test.ts`)
    return [
      `\`${name}\``,
      [importer?.title ?? exporter?.title ?? '', kind].filter((part) => part !== '').join('; '),
      fileWith(name, 'reader'),
      unit,
      fileWith(name, 'writer'),
      isTested ? `\`${test}.test.ts\`` : '',
    ]
  })
  return padded(['name', 'format', 'reader', 'read', 'writer', 'test'], rows)
}

/** As the formatter lays a table out. */
function padded(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

const UNITS = {
  line: 'as a stream',
  document: 'as one document',
  bytes: 'as one file',
  table: 'as a stream',
} as const

export function formatsDocument(): string {
  const text = textOf('test/support/formats-document.md')
  return text.replace('<!-- table -->', table())
}
