/**
 * What the recorder costs: delay, CPU of all threads, requests a second, memory; direct and through it
 * in turns, and through nginx where it is installed. `npm run bench record [streams|small|large]`.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gapsOf, rowCountOf } from '../support/recorder.ts'
import { answeredBy, runConnections, runLarge, runSmall, runStreams } from './record-client.ts'

const UPSTREAM = Number(process.env['TRACE_BENCH_PORT'] ?? 21_280)
const RECORDER = UPSTREAM + 1
const NGINX = UPSTREAM + 2
const SECONDS = 4
/** Clock ticks of /proc/PID/stat. */
const US_PER_TICK = 10_000

type Line = Record<string, string | number>
type Proxy = {
  name: string
  port: number
  pids: () => number[]
  stop: () => Promise<void>
  recorded: () => Promise<{ rows: number; gaps: number }>
}

const wanted = process.argv[2] ?? ''
const canPin = spawnSync('taskset', ['--version']).status === 0
const pinned = (core: number, words: string[]): string[] =>
  canPin ? ['taskset', '-c', String(core), ...words] : words
if (canPin) spawnSync('taskset', ['-cp', '0', String(process.pid)])

const upstream = fork(join(import.meta.dirname, 'record-upstream.ts'), [String(UPSTREAM)])
await new Promise((resolve) => upstream.once('message', resolve))
const lines: Line[] = []
const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))

try {
  if (wanted === '' || wanted === 'streams') {
    for (const streams of [1, 50, 200, 500]) {
      await streamLine(streams, false)
      if (streams > 1) await streamLine(streams, true)
    }
  }
  if (wanted === '' || wanted === 'small') await smallLine()
  if (wanted === '' || wanted === 'large') await largeLines()
} finally {
  upstream.kill()
  rmSync(folder, { recursive: true, force: true })
}
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/record.json', `${JSON.stringify(lines, null, 2)}\n`)

async function proxies(): Promise<Proxy[]> {
  const nginx = await startNginx()
  return [await startRecorder(), ...(nginx === null ? [] : [nginx])]
}

async function streamLine(streams: number, isLockstep: boolean): Promise<void> {
  const chunks = SECONDS * 50
  const running = await proxies()
  await Promise.all(running.map(async ({ port }) => runSmall(port, 8, 300)))
  const direct = await runStreams(UPSTREAM, streams, chunks, isLockstep)
  for (const proxy of running) {
    const beforeUs = cpuUs(proxy)
    const through = await runStreams(proxy.port, streams, chunks, isLockstep)
    const tookUs = cpuUs(proxy) - beforeUs
    report({
      what: `${streams} streams${isLockstep ? ' lockstep' : ''}`,
      through: proxy.name,
      addedP50Us: at(through.delaysUs, 0.5) - at(direct.delaysUs, 0.5),
      addedP99Us: at(through.delaysUs, 0.99) - at(direct.delaysUs, 0.99),
      addedP999Us: at(through.delaysUs, 0.999) - at(direct.delaysUs, 0.999),
      addedTtftP50Us: at(through.firstUs, 0.5) - at(direct.firstUs, 0.5),
      cpuUsPerChunk: Number((tookUs / through.chunks).toFixed(1)),
      rssMb: memoryMb(proxy),
      bad: through.bad,
    })
  }
  await finish(running)
}

async function smallLine(): Promise<void> {
  const running = await proxies()
  const direct = await runSmall(UPSTREAM, 64, SECONDS * 1_000)
  for (const proxy of running) {
    await runSmall(proxy.port, 64, 1_000)
    const beforeUs = cpuUs(proxy)
    const answered = await runSmall(proxy.port, 64, SECONDS * 1_000)
    const tookUs = cpuUs(proxy) - beforeUs
    report({
      what: 'small requests',
      through: proxy.name,
      perSecond: Math.round(answered / SECONDS),
      directPerSecond: Math.round(direct / SECONDS),
      cpuUsPerRequest: Number((tookUs / answered).toFixed(1)),
      rssMb: memoryMb(proxy),
    })
    const againUs = cpuUs(proxy)
    await runConnections(proxy.port, 1_000)
    report({
      what: 'connection with one request',
      through: proxy.name,
      cpuUsPerConnection: Math.round((cpuUs(proxy) - againUs) / 1_000),
    })
  }
  await finish(running)
}

async function largeLines(): Promise<void> {
  for (const megabytes of [1, 8]) {
    const running = await proxies()
    await Promise.all(running.map(async ({ port }) => runLarge(port, megabytes * 1e6, 3)))
    const direct = await runLarge(UPSTREAM, megabytes * 1e6, 15)
    for (const proxy of running) {
      const through = await runLarge(proxy.port, megabytes * 1e6, 15)
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

/** Ends the proxies and says of each whether all that passed was recorded. */
async function finish(running: Proxy[]): Promise<void> {
  for (const proxy of running) {
    await proxy.stop()
    if (proxy.name === 'nginx') continue
    const { rows, gaps } = await proxy.recorded()
    const asked = answeredBy.get(proxy.port) ?? 0
    answeredBy.delete(proxy.port)
    const isWhole = rows === asked && gaps === 0
    report({
      what: 'recorded',
      through: proxy.name,
      share: `${((rows * 100) / Math.max(1, asked)).toFixed(2)} %`,
      gapRows: gaps,
      verdict: isWhole ? 'complete' : 'FAILED',
    })
  }
}

function report(line: Line): void {
  lines.push(line)
  const text = Object.entries(line).map(([key, value]) => `${key} ${value}`)
  process.stdout.write(`${text.join(' · ')}\n`)
}

function at(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}

async function startRecorder(): Promise<Proxy> {
  const directory = mkdtempSync(join(folder, 'recording-'))
  const flags = process.env['TRACE_BENCH_FLAGS'] ?? '--admin-listen off'
  const line =
    `bin/trace.js record --upstream http://127.0.0.1:${UPSTREAM} ` +
    `--listen 127.0.0.1:${RECORDER} --out ${directory} ${flags}`
  const [command = '', ...words] = pinned(1, [process.execPath, ...line.trim().split(' ')])
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  await listening(RECORDER, child, () => said)
  return {
    name: 'trace record',
    port: RECORDER,
    pids: () => [child.pid ?? 0],
    stop: async () => {
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('exit', resolve))
    },
    recorded: async () => ({
      rows: await rowCountOf(directory),
      gaps: (await gapsOf(directory)).length,
    }),
  }
}

async function startNginx(): Promise<Proxy | null> {
  if (spawnSync('nginx', ['-v']).status !== 0) return null
  const path = join(folder, 'nginx.conf')
  writeFileSync(
    path,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log /dev/null;
events { worker_connections 10000; }
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  keepalive_requests 10000000; client_max_body_size 100m;
  upstream u { server 127.0.0.1:${UPSTREAM}; keepalive 1000; keepalive_requests 10000000; }
  server { listen 127.0.0.1:${NGINX} backlog=4096; location / { proxy_pass http://u;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    proxy_request_buffering off; } } }`,
  )
  const [command = '', ...words] = pinned(1, ['nginx', '-c', path])
  const child = spawn(command, words, { stdio: 'ignore' })
  await listening(NGINX, child, () => '')
  const children = (): number[] =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number)
  return {
    name: 'nginx',
    port: NGINX,
    pids: () => [child.pid ?? 0, ...children()],
    stop: async () => {
      child.kill('SIGTERM')
      await new Promise((resolve) => child.once('exit', resolve))
    },
    recorded: async () => ({ rows: 0, gaps: 0 }),
  }
}

async function listening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said()}`)
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** User and system time of all threads. */
function cpuUs({ pids }: Proxy): number {
  return pids()
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [])
    .reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) * US_PER_TICK, 0)
}

function memoryMb({ pids }: Proxy): number {
  const kilobytes = pids().map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  return Math.round(kilobytes.reduce((sum, value) => sum + value, 0) / 1_000)
}
