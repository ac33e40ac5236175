/** Runs a client against a server that logs its own truth, each in a process and on a core of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { HandRow } from '../support/hand-plan.ts'
import type { Truth } from '../support/truth-server.ts'
import type { ClientJob } from './replay-client.ts'
import { compareFloor, compareReplay, type Compared } from './replay-truth.ts'

export type ClientName = 'trace' | 'floor'
export type Pacing = ClientJob['pacing']

export type ClientCost = Readonly<{ cpuUs: number; maxRssKb: number; threadMs: readonly number[] }>

export type Measured = Compared & ClientCost & Readonly<{ foreignShare: number }>

export type Load = Readonly<{
  rows: readonly HandRow[]
  pacing: Pacing
  /** More than one: client and server share both cores. */
  workers: number
}>

const TICK_US = 10_000
const NICENESS = -10
const canHurry = spawnSync('nice', ['-n', String(NICENESS), 'true']).stderr.length === 0
const canPin = spawnSync('taskset', ['--version']).status === 0

/** What users run is the built program. */
export const BUILD_PATH = resolve('bench-results/build')

export function build(): void {
  const flags = ['-p', 'tsconfig.build.json', '--outDir', BUILD_PATH, '--noCheck']
  spawnSync('node_modules/.bin/tsc', flags)
}

export class TruthBench {
  readonly #port: number
  readonly #folder: string
  readonly #ttftUs: number
  readonly #gapUs: number

  constructor(port: number, folder: string, step: Readonly<{ ttftUs: number; gapUs: number }>) {
    hurrySession(NICENESS)
    process.once('exit', () => hurrySession(0))
    this.#port = port
    this.#folder = folder
    this.#ttftUs = step.ttftUs
    this.#gapUs = step.gapUs
  }

  async measure(client: ClientName, load: Load): Promise<Measured> {
    const logPath = join(this.#folder, 'truth.json')
    const outPath = join(this.#folder, client === 'floor' ? 'floor.json' : 'run.sqlite')
    const step = [this.#ttftUs, this.#gapUs].map(String)
    const isShared = load.workers > 1
    const server = start(isShared ? null : 0, [
      '../support/truth-server.ts',
      String(this.#port),
      ...step,
      logPath,
    ])
    try {
      await new Promise((done) => server.stdout?.once('data', done))
      const machine = busyUs('/proc/stat')
      const served = busyUs(`/proc/${server.pid}/stat`)
      const atMs = performance.now()
      const port = this.#port
      const job: ClientJob = { port, outPath, buildPath: BUILD_PATH, ...load }
      const run = start(isShared ? null : 1, [
        client === 'floor' ? 'replay-floor.ts' : 'replay-client.ts',
      ])
      const cost = await answerOf<ClientCost & { allCpuUs: number }>(run, JSON.stringify(job))
      const spentUs = (performance.now() - atMs) * 1_000
      const ownUs = cost.allCpuUs + busyUs(`/proc/${server.pid}/stat`) - served
      const foreignUs = busyUs('/proc/stat') - machine - ownUs
      const foreignShare = Math.max(0, Math.round((100 * foreignUs) / spentUs) / 100)
      await end(server)
      const truth = JSON.parse(readFileSync(logPath, 'utf8')) as Truth[]
      const compare = client === 'floor' ? compareFloor : compareReplay
      return { ...(await compare(outPath, truth, this.#gapUs)), ...cost, foreignShare }
    } finally {
      server.kill()
    }
  }
}

/** Linux may share out its cores by sessions first: then niceness counts only inside of one. */
function hurrySession(niceness: number): void {
  try {
    writeFileSync('/proc/self/autogroup', String(niceness))
  } catch {
    // Not Linux, not shared so, or not allowed.
  }
}

async function end(server: ChildProcess): Promise<void> {
  const closed = new Promise((done) => server.once('close', done))
  server.kill('SIGTERM')
  await closed
}

/**
 * Where the system allows it, on one core and ahead of everything else on the machine.
 *
 * @param core null: on any
 */
function start(core: number | null, args: readonly string[]): ChildProcess {
  const [script = '', ...rest] = args
  const command = [process.execPath, join(import.meta.dirname, script), ...rest]
  const placed = canPin && core !== null ? ['taskset', '-c', String(core), ...command] : command
  const [first = '', ...others] = canHurry ? ['nice', '-n', String(NICENESS), ...placed] : placed
  return spawn(first, others, { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function answerOf<T>(run: ChildProcess, question: string): Promise<T> {
  const parts: Buffer[] = []
  run.stdout?.on('data', (part: Buffer) => parts.push(part))
  run.stdin?.end(question)
  await new Promise((done) => run.once('close', done))
  return JSON.parse(Buffer.concat(parts).toString()) as T
}

/** Processor time of a process, or of the whole machine, so far; NaN where /proc is not there. */
function busyUs(path: string): number {
  try {
    const stat = readFileSync(path, 'utf8')
    if (path === '/proc/stat') {
      const [user, nice, system, , , irq, softirq] = stat.split(/\s+/).slice(1).map(Number)
      return (user! + nice! + system! + irq! + softirq!) * TICK_US
    }
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
  } catch {
    return Number.NaN
  }
}
