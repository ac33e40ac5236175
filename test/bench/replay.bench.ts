/**
 * How late requests leave and how far measured latencies are from what the server did, against a
 * server in another process that logs its own truth. `npm run bench replay [lag|streams]`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { drawFor } from '../../src/base/random.ts'
import { decodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { openTrace } from '../../src/trace/open.ts'
import type { HandRow } from '../support/hand-plan.ts'
import type { Truth } from '../support/truth-server.ts'
import type { ClientJob } from './replay-client.ts'

const PORT = Number(process.env['TRACE_BENCH_PORT'] ?? 21_590)
const TTFT_US = 200_000
const GAP_US = 20_000
const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))
/** One core each, where the system can say so: what is measured is the replayer, not the scheduler. */
const canHurry = spawnSync('nice', ['-n', '-10', 'true']).stderr.length === 0
const canPin = spawnSync('taskset', ['--version']).status === 0

const buildPath = resolve('bench-results/build')
spawnSync('node_modules/.bin/tsc', [
  '-p',
  'tsconfig.build.json',
  '--outDir',
  buildPath,
  '--noCheck',
])

const results: Record<string, unknown>[] = []
const wanted = process.argv[2] ?? ''

if (wanted === '' || wanted === 'lag') {
  process.stdout.write(
    'send lag, µs, from the server’s receive stamps (least late = 0) and by ourselves\n',
  )
  for (const perSecond of [50, 200, 1_000]) {
    const rows = poisson(perSecond, perSecond === 50 ? 400 : perSecond * 4)
    for (const pacing of ['precise', 'frugal'] as const)
      await measure(`poisson ${perSecond}/s ${pacing}`, rows, pacing)
  }
}
if (wanted === '' || wanted === 'streams') {
  process.stdout.write('\nstreams of 100 tokens, 50 tokens/s each\n')
  for (const streams of (process.argv[3] ?? '1,10,100,500,1000').split(',').map(Number)) {
    for (const spreadUs of [0, GAP_US]) {
      const name = `${streams} streams ${spreadUs === 0 ? 'in phase' : 'out of phase'}`
      const rows = Array.from({ length: streams }, (_, at) => ({
        dueUs: 200_000 + Math.floor((at * spreadUs * 10) / streams),
        promptTokens: 128,
        outputTokens: 100,
      }))
      await measure(name, rows, 'precise')
    }
  }
}
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/replay.json', JSON.stringify(results, null, 1))
rmSync(folder, { recursive: true })

function poisson(perSecond: number, count: number): HandRow[] {
  const draw = drawFor('bench', `poisson ${perSecond}`)
  let dueUs = 300_000
  return Array.from({ length: count }, (_, at) => {
    dueUs += (-Math.log(1 - draw(at)) * 1_000_000) / perSecond
    return { dueUs: Math.round(dueUs), promptTokens: 128, outputTokens: 2 }
  })
}

async function measure(
  name: string,
  rows: readonly HandRow[],
  pacing: ClientJob['pacing'],
): Promise<void> {
  const logPath = join(folder, 'truth.json')
  const server = spawn(
    ...pinned(0, [
      '../support/truth-server.ts',
      String(PORT),
      String(TTFT_US),
      String(GAP_US),
      logPath,
    ]),
  )
  await new Promise((done) => server.stdout.once('data', done))
  const job: ClientJob = {
    port: PORT,
    outPath: join(folder, 'run.sqlite'),
    rows,
    workers: 1,
    pacing,
    buildPath,
  }
  const client = spawn(...pinned(1, ['replay-client.ts']))
  client.stderr.pipe(process.stderr)
  client.stdin.end(JSON.stringify(job))
  const parts: Buffer[] = []
  client.stdout.on('data', (part: Buffer) => parts.push(part))
  await new Promise((done) => client.once('close', done))
  const closed = new Promise((done) => server.once('close', done))
  server.kill('SIGTERM')
  await closed
  const cost = JSON.parse(Buffer.concat(parts).toString()) as {
    cpuUs: number
    maxRssKb: number
    threadMs: number[]
  }
  const truth = JSON.parse(readFileSync(logPath, 'utf8')) as Truth[]
  const row = { name, ...(await compare(job.outPath, truth)), ...cost }
  results.push(row)
  process.stdout.write(`${line(name, row)}\n`)
}

/** Where the system allows it, one core each and ahead of everything else on the machine. */
function pinned(core: number, args: readonly string[]): [string, string[]] {
  const [script = '', ...rest] = args
  const command = [process.execPath, join(import.meta.dirname, script), ...rest]
  const placed = canPin ? ['taskset', '-c', String(core), ...command] : command
  const [first = '', ...others] = canHurry ? ['nice', '-n', '-10', ...placed] : placed
  return [first, others]
}

async function compare(path: string, truth: readonly Truth[]) {
  const bySeq = new Map(truth.map((each) => [Number(each.id.split('-')[1]), each]))
  const reader = await openTrace(path)
  const ownLag: number[] = []
  const arrivals: number[] = []
  const ttft: number[] = []
  const gaps: number[] = []
  let chunks = 0
  for await (const { rowCount, columns } of reader.requests([
    'seq',
    'atUs',
    'lagUs',
    'ttftUs',
    'chunkTimes',
  ])) {
    for (let at = 0; at < rowCount; at += 1) {
      const real = bySeq.get(columns.seq[at]!)
      if (real === undefined) continue
      ownLag.push(columns.lagUs[at]!)
      arrivals.push(real.receivedAtUs - columns.atUs[at]!)
      ttft.push(columns.ttftUs[at]! - (real.wroteAtUs[0]! - real.receivedAtUs))
      const times = decodeChunkTimes(columns.chunkTimes[at]!)
      chunks += times.length
      for (let k = 1; k < times.length; k += 1) {
        gaps.push(times[k]! - times[k - 1]! - (real.wroteAtUs[k]! - real.wroteAtUs[k - 1]!))
      }
    }
  }
  await reader.close()
  const least = Math.min(...arrivals)
  return {
    requests: arrivals.length,
    chunks,
    lagUs: spread(ownLag),
    arrivalLagUs: spread(arrivals.map((each) => each - least)),
    ttftErrorUs: spread(ttft),
    gapErrorUs: spread(gaps.map(Math.abs)),
  }
}

function spread(values: number[]) {
  const sorted = Float64Array.from(values).toSorted()
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

function line(
  name: string,
  row: Awaited<ReturnType<typeof compare>> & {
    cpuUs: number
    maxRssKb: number
    threadMs: number[]
  },
): string {
  const show = (each: { p50: number; p99: number; max: number }) =>
    `${each.p50}/${each.p99}/${each.max}`
  return [
    name.padEnd(26),
    `${row.requests} req`,
    `lag ${show(row.lagUs)}`,
    `arrival ${show(row.arrivalLagUs)}`,
    `TTFT error ${show(row.ttftErrorUs)}`,
    `gap error ${show(row.gapErrorUs)}`,
    `${(row.cpuUs / row.chunks).toFixed(1)} µs CPU a chunk`,
    `threads ${row.threadMs.slice(0, 5).join('/')} ms`,
    `${Math.round(row.maxRssKb / 1024)} MB`,
  ].join(' · ')
}
