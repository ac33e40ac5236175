/**
 * Memory and lag of a very long plan, against a server that costs nothing.
 * `npm run bench replay-scale [ROWS] [PER_SECOND] [STOP_AFTER_S]`; a run that is stopped keeps its figures.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const PORT = Number(process.env['TRACE_BENCH_PORT'] ?? 21_592)
const [rows = 10_000_000, perSecond = 1_000, stopAfterS = 60] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'trace-scale-'))
const buildPath = resolve('bench-results/build')
spawnSync('node_modules/.bin/tsc', [
  '-p',
  'tsconfig.build.json',
  '--outDir',
  buildPath,
  '--noCheck',
])

const sink = spawn(process.execPath, [
  join(import.meta.dirname, '../support/sink-server.ts'),
  String(PORT),
])
await new Promise((done) => sink.stdout.once('data', done))
const outPath = join(folder, 'run.sqlite')
const job = { port: PORT, rows, outPath, buildPath, perSecond, stopAfterS }
const client = spawn(
  process.execPath,
  [join(import.meta.dirname, 'replay-scale-client.ts'), JSON.stringify(job)],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const parts: Buffer[] = []
client.stdout.on('data', (part: Buffer) => parts.push(part))
await new Promise((done) => client.once('close', done))
sink.kill()
const measured = JSON.parse(Buffer.concat(parts).toString()) as Record<string, number | number[]>
const result = { rows, perSecond, ...measured, resultBytes: statSync(outPath).size }
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/replay-scale.json', JSON.stringify(result, null, 1))
process.stdout.write(
  `${Object.entries(result)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(' · ')}\n`,
)
rmSync(folder, { recursive: true })
