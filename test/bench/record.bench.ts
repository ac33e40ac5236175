/**
 * What the recorder costs: delay, CPU of all threads, requests a second, memory; direct and through it
 * in turns, and through nginx where it is installed.
 * `npm run bench record [streams|lockstep|connections|large|hangup|failing] [STREAMS]`, or `[small|shed] [SECONDS]`.
 * Last comes what was aimed at, with what was found in this run.
 *
 * Clients and server share one core, each proxy with all its threads has the other. *First* is the
 * time to the first event less what the server itself took.
 */
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aimLines } from './record-aims.ts'
import {
  answeredBy,
  runConnections,
  runLarge,
  runSmall,
  runStreams,
  type StreamLoad,
} from './record-client.ts'
import { failingLines } from './record-failing.ts'
import { hangUps, hangupServer, MOMENTS, TLS_FOLDER, type Moment } from './record-hangup.ts'
import {
  cpuOf,
  memoryMb,
  pinSelf,
  startNginx,
  startRecorder,
  type Proxy,
} from './record-proxies.ts'
import { at, lines, report, rounded } from './record-lines.ts'

const UPSTREAM = Number(process.env['TRACE_BENCH_PORT'] ?? 21_280)
const FLAGS = process.env['TRACE_BENCH_FLAGS'] ?? '--admin-listen off'
const WARM_MS = 2_000
const PROMPTS = 15
const CONNECTIONS = 1_000

const [wanted = '', ...sizes] = process.argv.slice(2)
const counts = sizes.length === 0 ? [1, 50, 200, 500] : sizes.map(Number)
const isTimed = wanted === 'small' || wanted === 'shed'
const SHORT_MS = 5_000
/** For the recorder, whose queue fills only in time; what it is compared with holds nothing back. */
const SMALL_MS = isTimed ? Number(sizes[0] ?? 5) * 1_000 : SHORT_MS
const isWanted = (name: string) => wanted === '' || wanted === name

pinSelf(0)
const upstream = fork(join(import.meta.dirname, 'record-upstream.ts'), [String(UPSTREAM)])
await new Promise((resolve) => upstream.once('message', resolve))
const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))

try {
  for (const streams of counts) {
    if (isWanted('streams')) await streamLine(streams, false)
    if (isWanted('lockstep') && streams > 1) await streamLine(streams, true)
  }
  if (isWanted('small')) await smallLine()
  if (isWanted('shed')) await shedLine()
  if (isWanted('connections')) await connectionLine()
  if (isWanted('large')) await largeLines()
  if (isWanted('hangup')) await hangupLines()
  if (isWanted('failing')) await failingLines(folder, UPSTREAM)
} finally {
  upstream.kill()
  rmSync(folder, { recursive: true, force: true })
}
for (const line of aimLines(lines)) report(line)
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/record.json', `${JSON.stringify(lines, null, 2)}\n`)

async function proxies(flags = FLAGS): Promise<Proxy[]> {
  const place = { folder, upstreamPort: UPSTREAM, port: UPSTREAM + 1, flags }
  const nginx = await startNginx({ ...place, port: UPSTREAM + 2 })
  const running = [await startRecorder(place), ...(nginx === null ? [] : [nginx])]
  // Code that runs for hours is compiled once: a process that has just begun is not what is measured.
  for (const { port } of running) {
    await runSmall(port, 16, WARM_MS)
    await runStreams(port, { streams: 100, chunks: 50, answers: 2, isLockstep: false })
  }
  return running
}

/** One stream is asked for many short answers, so that there are enough first events to tell. */
function loadOf(streams: number, isLockstep: boolean): StreamLoad {
  if (streams === 1) return { streams, chunks: 10, answers: 30, isLockstep }
  return { streams, chunks: 100, answers: 3, isLockstep }
}

async function streamLine(streams: number, isLockstep: boolean): Promise<void> {
  const running = await proxies()
  const load = loadOf(streams, isLockstep)
  const what = `${streams} streams${isLockstep ? ' lockstep' : ''}`
  const direct = await runStreams(UPSTREAM, load)
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((q) => at(direct.delaysUs, q))
  report({ what, through: 'nothing', p50Us: p50 ?? 0, p99Us: p99 ?? 0, p999Us: p999 ?? 0 })
  for (const proxy of running) {
    const before = cpuOf(proxy)
    const through = await runStreams(proxy.port, load)
    const after = cpuOf(proxy)
    const added = (list: 'delaysUs' | 'firstUs' | 'firstOfNewUs', q: number) =>
      at(through[list], q) - at(direct[list], q)
    report({
      what,
      through: proxy.name,
      addedP50Us: added('delaysUs', 0.5),
      addedP99Us: added('delaysUs', 0.99),
      addedP999Us: added('delaysUs', 0.999),
      addedFirstP50Us: added('firstUs', 0.5),
      addedFirstP99Us: added('firstUs', 0.99),
      addedFirstOfNewP50Us: added('firstOfNewUs', 0.5),
      cpuUsPerChunk: rounded((after.allUs - before.allUs) / through.chunks),
      firstThreadUsPerChunk: rounded((after.firstUs - before.firstUs) / through.chunks),
      rssMb: memoryMb(proxy),
      bad: through.bad,
    })
  }
  await finish(running)
}

async function smallLine(): Promise<void> {
  const running = await proxies()
  const direct = await runSmall(UPSTREAM, 64, SHORT_MS)
  for (const proxy of running) {
    const forMs = proxy.name === 'nginx' ? SHORT_MS : SMALL_MS
    await smallThrough(proxy, 'small requests', direct, forMs)
  }
  await finish(running)
}

/** With a queue so short that the observer misses most: what the relay alone can do. */
async function shedLine(): Promise<void> {
  const [proxy, ...others] = await proxies(`${FLAGS} --queue-records 2000`)
  for (const other of others) await other.stop()
  if (proxy === undefined) return
  const direct = await runSmall(UPSTREAM, 64, SHORT_MS)
  await smallThrough(proxy, 'small requests, most shed', direct, SMALL_MS)
  await finish([proxy], true)
}

async function smallThrough(
  proxy: Proxy,
  what: string,
  direct: number,
  forMs: number,
): Promise<void> {
  await runSmall(proxy.port, 64, 1_000)
  const before = cpuOf(proxy)
  const answered = await runSmall(proxy.port, 64, forMs)
  const after = cpuOf(proxy)
  report({
    what,
    through: proxy.name,
    seconds: forMs / 1_000,
    perSecond: Math.round((answered * 1_000) / forMs),
    directPerSecond: Math.round((direct * 1_000) / SHORT_MS),
    cpuUsPerRequest: rounded((after.allUs - before.allUs) / answered),
    firstThreadUsPerRequest: rounded((after.firstUs - before.firstUs) / answered),
    rssMb: memoryMb(proxy),
  })
}

async function connectionLine(): Promise<void> {
  const running = await proxies()
  await runConnections(UPSTREAM, CONNECTIONS)
  const direct = await runConnections(UPSTREAM, CONNECTIONS)
  for (const proxy of running) {
    await runConnections(proxy.port, CONNECTIONS)
    const before = cpuOf(proxy)
    const through = await runConnections(proxy.port, CONNECTIONS)
    const after = cpuOf(proxy)
    report({
      what: 'connection with one request',
      through: proxy.name,
      cpuUsPerConnection: Math.round((after.allUs - before.allUs) / CONNECTIONS),
      firstThreadUsPerConnection: Math.round((after.firstUs - before.firstUs) / CONNECTIONS),
      addedP50Us: at(through, 0.5) - at(direct, 0.5),
      addedP99Us: at(through, 0.99) - at(direct, 0.99),
    })
  }
  await finish(running)
}

async function largeLines(): Promise<void> {
  for (const megabytes of [1, 8]) {
    const running = await proxies()
    const bytes = megabytes * 1e6
    for (const { port } of running) await runLarge(port, bytes, 3)
    const direct = await runLarge(UPSTREAM, bytes, PROMPTS)
    for (const proxy of running) {
      const through = await runLarge(proxy.port, bytes, PROMPTS)
      report({
        what: `prompts of ${megabytes} MB`,
        through: proxy.name,
        addedP50Us: at(through, 0.5) - at(direct, 0.5),
        directP50Us: at(direct, 0.5),
        rssMb: memoryMb(proxy),
      })
    }
    await finish(running)
  }
}

async function hangupLines(): Promise<void> {
  const server = await hangupServer(UPSTREAM + 3)
  const tls = `--tls-cert ${TLS_FOLDER}server.pem --tls-key ${TLS_FOLDER}server.key`
  for (const isTls of [false, true]) {
    const flags = `${FLAGS} --metrics-url off ${isTls ? tls : ''}`.trim()
    const place = { folder, upstreamPort: server.port, port: UPSTREAM + 1, flags }
    const nginx = isTls ? null : await startNginx({ ...place, port: UPSTREAM + 2 })
    const running = [await startRecorder(place), ...(nginx === null ? [] : [nginx])]
    for (const what of Object.keys(MOMENTS) as Moment[]) {
      const places = isTls ? running : [{ name: 'nothing', port: server.port }, ...running]
      for (const { name, port } of places) {
        const takenUs = await hangUps(server, what, port, isTls)
        const through = isTls ? `${name}, TLS` : name
        report({
          what: `hang-up: ${what}`,
          through,
          p50Us: at(takenUs, 0.5),
          p90Us: at(takenUs, 0.9),
          maxUs: at(takenUs, 1),
        })
      }
    }
    for (const proxy of running) await proxy.stop()
  }
  await server.close()
}

/** Ends the proxies and says of each whether all that passed was recorded, or counted as missing. */
async function finish(running: Proxy[], mayShed = false): Promise<void> {
  for (const proxy of running) {
    await proxy.stop()
    if (proxy.name === 'nginx') continue
    const { rows, gaps, missing } = await proxy.recorded()
    const asked = answeredBy.get(proxy.port) ?? 0
    answeredBy.delete(proxy.port)
    const isWhole = mayShed ? rows + missing >= asked : rows === asked && gaps === 0
    report({
      what: 'recorded',
      through: proxy.name,
      share: `${((rows * 100) / Math.max(1, asked)).toFixed(2)} %`,
      gapRows: gaps,
      verdict: isWhole ? (mayShed ? 'accounted for' : 'complete') : 'FAILED',
    })
  }
}
