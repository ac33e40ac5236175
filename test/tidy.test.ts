/** House rules that a linter cannot hold: who may import what, and units in names. */
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

/** Everything from outside src has its doors. These files and rooms are where the effects are. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-s3': ['src/share/s3.ts'],
  '@huggingface/transformers': ['src/base/tokenizer.ts'],
  '@observablehq/plot': ['src/report/chart.ts'],
  '@opentelemetry/api': ['src/report/otlp.ts'],
  '@opentelemetry/exporter-metrics-otlp-proto': ['src/report/otlp.ts'],
  '@opentelemetry/exporter-trace-otlp-proto': ['src/report/otlp.ts'],
  '@opentelemetry/resources': ['src/report/otlp.ts'],
  '@opentelemetry/sdk-metrics': ['src/report/otlp.ts'],
  '@opentelemetry/sdk-trace': ['src/report/otlp.ts'],
  'apache-arrow': ['src/trace/arrow'],
  'better-sqlite3': ['src/trace/sqlite.ts'],
  commander: ['src/cli/'],
  'd3-random': ['src/workload/'],
  fastify: ['src/live/', 'src/engine/'],
  hyparquet: ['src/formats/'],
  'hyparquet-compressors': ['src/formats/'],
  'hyparquet-writer': ['src/formats/'],
  linkedom: ['src/report/chart.ts'],
  'prom-client': ['src/live/'],
  seedrandom: ['src/base/random.ts'],
  undici: ['src/base/http.ts'],
  yaml: ['src/base/yaml.ts'],
  'node:child_process': ['src/study/', 'src/base/processes.ts'],
  'node:dns': ['src/base/socket.ts'],
  'node:dns/promises': ['src/base/socket.ts'],
  'node:fs': ['src/base/files.ts', 'src/trace/', 'src/formats/source.ts'],
  'node:fs/promises': ['src/base/files.ts', 'src/trace/', 'src/formats/source.ts'],
  'node:net': ['src/base/socket.ts'],
  'node:os': ['src/base/machine.ts', 'src/base/threads.ts'],
  'node:perf_hooks': ['src/base/clock.ts', 'src/base/machine.ts'],
  'node:timers': ['src/base/clock.ts'],
  'node:timers/promises': ['src/base/clock.ts'],
  'node:tls': ['src/base/socket.ts'],
  'node:v8': ['src/base/threads.ts'],
  'node:worker_threads': ['src/base/threads.ts'],
}

/** Node's modules without effects: anyone may use them. */
const PURE = new Set([
  'node:assert/strict',
  'node:buffer',
  'node:crypto',
  'node:events',
  'node:path',
  'node:stream',
  'node:stream/promises',
  'node:string_decoder',
  'node:url',
  'node:util',
  'node:zlib',
])

/** Rooms from the innermost out. A room imports only from rooms before it. */
const ROOMS = [
  'base',
  'trace',
  'stream',
  'stats',
  'formats',
  'workload',
  'share',
  'engine',
  'replay',
  'record',
  'report',
  'live',
  'study',
  'cli',
]

const sources = globSync('src/**/*.ts').map((file) => ({ file, text: readFileSync(file, 'utf8') }))

const IMPORT =
  /^(?:import|export)\b[^'"`;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm

const imports = sources.flatMap(({ file, text }) =>
  [...text.matchAll(IMPORT)].map(([, ...targets]) => ({
    file,
    target: targets.join(''),
  })),
)

const roomOf = (path: string) => ROOMS.indexOf(path.split('/')[1] ?? '')

test('everything from outside src comes through a door', () => {
  const strays = imports
    .filter(({ target }) => !target.startsWith('.') && !PURE.has(target))
    .filter(({ file, target }) => {
      const packageName = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target
      const doors =
        DOORS[target] ?? DOORS[packageName] ?? DOORS[packageName.split('/')[0] ?? ''] ?? []
      return !doors.some((door) => file.startsWith(door))
    })
  expect(strays).toEqual([])
})

test('rooms import only inward', () => {
  const outward = imports
    .filter(({ target }) => target.startsWith('.'))
    .map(({ file, target }) => ({ file, target: posix.join(posix.dirname(file), target) }))
    .filter(({ file, target }) => roomOf(target) > roomOf(file) || roomOf(target) < 0)
  expect(outward).toEqual([])
})

test('a number that is a time says its unit', () => {
  const bare = /\b\w*(?:time|latency|duration|delay|gap|timeout|interval|jitter)\??: number\b/gi
  const unitless = sources.flatMap(({ file, text }) =>
    [...text.matchAll(bare)].map(([found]) => `${file}: ${found}`),
  )
  expect(unitless).toEqual([])
})

test('a source file is short enough to hold one noun', () => {
  const long = sources
    .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > 250)
  expect(long).toEqual([])
})
