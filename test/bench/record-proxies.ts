/** The recorder and nginx as processes of the benchmark: started, measured, ended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gapsOf, rowCountOf } from '../support/recorder.ts'

export type Proxy = Readonly<{
  name: string
  port: number
  pids: () => number[]
  stop: () => Promise<void>
  /** Rows, and gap rows with the requests that they count. */
  recorded: () => Promise<{ rows: number; gaps: number; missing: number }>
}>

export type Place = Readonly<{ folder: string; upstreamPort: number; port: number; flags: string }>

const canPin = spawnSync('taskset', ['--version']).status === 0

/** All threads of a process on one core, where that can be asked for. */
export function pinned(core: number, words: string[]): string[] {
  return canPin ? ['taskset', '-c', String(core), ...words] : words
}

export function pinSelf(core: number): void {
  if (canPin) spawnSync('taskset', ['-cp', String(core), String(process.pid)])
}

export async function startRecorder(place: Place): Promise<Proxy> {
  const { folder, port, upstreamPort, flags } = place
  const directory = mkdtempSync(join(folder, 'recording-'))
  const line =
    `bin/trace.js record --upstream http://127.0.0.1:${upstreamPort} ` +
    `--listen 127.0.0.1:${port} --out ${directory} ${flags}`
  const node = [process.execPath, ...(process.env['TRACE_BENCH_NODE'] ?? '').split(' ')]
  const words = [...node, ...line.trim().split(' ')].filter(Boolean)
  const [command = '', ...rest] = pinned(1, words)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  await listening(port, child, () => said)
  return {
    name: 'trace record',
    port,
    pids: () => [child.pid ?? 0, ...childrenOf(child)],
    stop: async () => ended(child),
    recorded: async () => {
      const gaps = await gapsOf(directory)
      const missing = gaps.reduce((sum, { count }) => sum + count, 0)
      return { rows: await rowCountOf(directory), gaps: gaps.length, missing }
    },
  }
}

/** @returns null where nginx is not installed */
export async function startNginx({ folder, port, upstreamPort }: Place): Promise<Proxy | null> {
  if (spawnSync('nginx', ['-v']).status !== 0) return null
  const path = join(folder, 'nginx.conf')
  writeFileSync(
    path,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log /dev/null;
events { worker_connections 10000; }
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  keepalive_requests 10000000; client_max_body_size 100m;
  upstream u { server 127.0.0.1:${upstreamPort}; keepalive 1000; keepalive_requests 10000000; }
  server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://u;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    proxy_request_buffering off; } } }`,
  )
  const [command = '', ...words] = pinned(1, ['nginx', '-c', path])
  const child = spawn(command, words, { stdio: 'ignore' })
  await listening(port, child, () => '')
  return {
    name: 'nginx',
    port,
    pids: () => [child.pid ?? 0, ...childrenOf(child)],
    stop: async () => ended(child),
    recorded: async () => ({ rows: 0, gaps: 0, missing: 0 }),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
}

function childrenOf({ pid }: ChildProcess): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return list.split(' ').filter(Boolean).map(Number)
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

/** µs on a core since the start, of the first thread of each process and of all threads. */
export function cpuOf({ pids }: Proxy): { firstUs: number; allUs: number } {
  let firstUs = 0
  let allUs = 0
  for (const pid of pids()) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ranNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
      const ranUs = Number(ranNs) / 1_000
      allUs += ranUs
      if (Number(thread) === pid) firstUs += ranUs
    }
  }
  return { firstUs, allUs }
}

export function memoryMb({ pids }: Proxy): number {
  const kilobytes = pids().map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  return Math.round(kilobytes.reduce((sum, value) => sum + value, 0) / 1_000)
}
