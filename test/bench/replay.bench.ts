/**
 * How late requests leave, and how far measured latencies are from what the server did, against a
 * server in another process that logs its own truth. A bare Node loop does the same beside it: the
 * floor of this machine. `npm run bench replay [lag|bodies|streams|crowd] [RATE or STREAMS,…] [trace|floor]`.
 *
 * - lag: Poisson arrivals of short answers; bodies: the same with prompts of 10,000 tokens
 * - streams: the client on one core, the server on another; crowd: both on both, two sending threads
 *
 * Under each case stands which of the aims it meets, or by how much it misses them.
 * *Foreign* is what other processes took of the machine meanwhile, in cores; with more than 0.1 a case is
 * run again, twice at most.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawFor } from '../../src/base/random.ts'
import type { HandRow } from '../support/hand-plan.ts'
import { CROWD_AIMS, LAG_AIMS, STREAM_AIMS, verdictsOf, verdictText } from './replay-aims.ts'
import { build, TruthBench, type ClientName, type Load, type Measured } from './replay-run.ts'
import type { Spread } from './replay-truth.ts'

const PORT = Number(process.env['TRACE_BENCH_PORT'] ?? 21_590)
const GAP_US = 20_000
const RATES = [50, 200, 1_000]
const STREAMS = [1, 10, 100, 1_000]
/** Of so many streams, or more, the aims speak. */
const MANY_STREAMS = 1_000
const CROWDS = [2_000]
const BODY_RATES = [100]
const BODY_TOKENS = 10_000
const LEAST_REQUESTS = 400
const RUN_S = 4
const TOKENS = 250
/** Cores that other processes may take of the machine before a case is measured again. */
const MOST_FOREIGN = 0.1
const REPEATS = 2

type Case = Readonly<{ name: string; client: ClientName; pacing: Load['pacing'] } & Measured>
type Aims = Parameters<typeof verdictsOf>[0]

const [wanted = '', sizes = '', onlyClient = ''] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))
const bench = new TruthBench(PORT, folder, { ttftUs: 200_000, gapUs: GAP_US })
const cases: Case[] = []
build()
if (wanted === '' || wanted === 'lag') {
  title('lag of the send, Poisson arrivals of short answers')
  for (const perSecond of sizesOr(RATES)) {
    const rows = poisson(perSecond, Math.max(LEAST_REQUESTS, perSecond * RUN_S), 128)
    await measureBoth(`${perSecond}/s`, rows, LAG_AIMS)
    await measure(`${perSecond}/s frugal`, 'trace', { rows, pacing: 'frugal', workers: 1 }, [])
  }
}
if (wanted === '' || wanted === 'bodies') {
  title(`the same with prompts of ${BODY_TOKENS} tokens`)
  for (const perSecond of sizesOr(BODY_RATES)) {
    const rows = poisson(perSecond, Math.max(LEAST_REQUESTS, perSecond * RUN_S), BODY_TOKENS)
    await measureBoth(`${perSecond}/s`, rows, LAG_AIMS)
  }
}
if (wanted === '' || wanted === 'streams') {
  title(`streams of ${TOKENS} tokens, 50 tokens/s each`)
  for (const streams of sizesOr(STREAMS)) {
    for (const phase of ['in phase', 'out of phase'] as const) {
      const rows = even(streams, phase === 'in phase' ? 0 : GAP_US * 10)
      const aims = streams >= MANY_STREAMS ? STREAM_AIMS : []
      await measureBoth(`${streams} ${phase}`, rows, aims)
    }
  }
}
if (wanted === '' || wanted === 'crowd') {
  title(`streams of ${TOKENS} tokens, 50 tokens/s each, with the server on two cores`)
  for (const streams of sizesOr(CROWDS)) {
    const load: Load = { rows: even(streams, GAP_US * 50), pacing: 'precise', workers: 2 }
    await measure(`${streams} out of phase`, 'trace', load, CROWD_AIMS)
  }
}
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/replay.json', JSON.stringify(cases, null, 1))
rmSync(folder, { recursive: true })

function sizesOr(usual: readonly number[]): readonly number[] {
  return sizes === '' ? usual : sizes.split(',').map(Number)
}

function poisson(perSecond: number, count: number, promptTokens: number): HandRow[] {
  const draw = drawFor('bench', `poisson ${perSecond}`)
  let dueUs = 300_000
  return Array.from({ length: count }, (_, at) => {
    dueUs += (-Math.log(1 - draw(at)) * 1_000_000) / perSecond
    return { dueUs: Math.round(dueUs), promptTokens, outputTokens: 2 }
  })
}

function even(count: number, spanUs: number): HandRow[] {
  return Array.from({ length: count }, (_, at) => ({
    dueUs: 200_000 + Math.floor((at * spanUs) / count),
    promptTokens: 128,
    outputTokens: TOKENS,
  }))
}

async function measureBoth(name: string, rows: readonly HandRow[], aims: Aims): Promise<void> {
  const load = { rows, pacing: 'precise', workers: 1 } as const
  await measure(name, 'floor', load, aims)
  await measure(name, 'trace', load, aims)
}

async function measure(name: string, client: ClientName, load: Load, aims: Aims): Promise<void> {
  if (onlyClient !== '' && onlyClient !== client) return
  let measured = await bench.measure(client, load)
  for (let again = 0; again < REPEATS && measured.foreignShare > MOST_FOREIGN; again += 1) {
    measured = await bench.measure(client, load)
  }
  const { threadMs } = measured
  const verdicts = verdictsOf(aims, measured)
  cases.push({ name, client, pacing: load.pacing, ...measured })
  process.stdout.write(`${line(name, client, measured)}   ${threadMs.slice(0, 4).join(' ')}\n`)
  if (aims.length > 0) process.stdout.write(`  ${verdictText(verdicts)}\n`)
}

function title(text: string): void {
  process.stdout.write(
    `\n${text}; p50 / p99 in ms\n${'case'.padEnd(18)}${'client'.padEnd(7)}` +
      ['lag', 'at server', 'TTFT error', 'gap error'].map((each) => each.padStart(15)).join('') +
      `${'µs/chunk'.padStart(10)}${'MB'.padStart(6)}${'foreign'.padStart(9)}   thread CPU ms\n`,
  )
}

function line(name: string, client: ClientName, row: Measured): string {
  const show = ({ p50, p99 }: Spread) =>
    [p50, p99].map((us) => (us / 1_000).toFixed(us < 10_000 ? 2 : 1)).join(' / ')
  const spreads = [row.lagUs, row.arrivalLagUs, row.ttftErrorUs, row.gapErrorUs]
  return [
    name.padEnd(18),
    client.padEnd(7),
    ...spreads.map((each) => show(each).padStart(15)),
    (row.cpuUs / row.chunks).toFixed(1).padStart(10),
    String(Math.round(row.maxRssKb / 1_024)).padStart(6),
    row.foreignShare.toFixed(2).padStart(9),
  ].join('')
}
