/** What clients notice while the recorder fails: delays beside those of one that is well, in turns. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runStreams, type StreamFigures } from './record-client.ts'
import { at, report, rounded } from './record-lines.ts'
import { pinned } from './record-proxies.ts'

/** The second that is well says by how much two of a kind differ. */
export type FailingState =
  | 'well'
  | 'well, too'
  | 'disk full'
  | 'folder gone'
  | 'observer killed'
  | 'queue full'
/** break: from now on; begin and rest: what fails again and again does so between the two. */
export type ToFailing = 'break' | 'begin' | 'rest'
export type FromFailing = Readonly<{
  port: number
  degraded: string | null
  unrecorded: number
  observers: number
  /** CPU of all its threads so far, of those that ended too. */
  ranUs: number
}>

const ROUNDS = 5
const LOAD = { streams: 97, chunks: 50, answers: 2, isLockstep: false }
const DISK = 'size=1m'

type Failing = Readonly<{
  state: FailingState
  child: ChildProcess
  port: number
  figures: StreamFigures[]
  ranUs: number[]
}>

/** @param folder empty; smaller disks are mounted in it where that is allowed */
export async function failingLines(folder: string, upstreamPort: number): Promise<void> {
  const disk = join(folder, 'disk full')
  mkdirSync(disk)
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', disk]).status === 0
  const states: FailingState[] = [
    'well',
    'folder gone',
    'observer killed',
    'queue full',
    'well, too',
  ]
  if (isMounted) states.splice(1, 0, 'disk full')
  const running: Failing[] = []
  try {
    for (const state of states) running.push(await start(state, join(folder, state), upstreamPort))
    await Promise.all(running.map(async ({ port }) => runStreams(port, LOAD)))
    for (const { child } of running) await asked(child, 'break')
    const direct: StreamFigures[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      direct.push(await runStreams(upstreamPort, LOAD))
      for (const each of running) await measure(each)
    }
    const last = await Promise.all(running.map(async ({ child }) => asked(child, 'rest')))
    running.forEach((each, index) => tellOf(each, last[index] as FromFailing, running[0], direct))
  } finally {
    for (const { child } of running) child.kill('SIGKILL')
    await Promise.all(running.map(async ({ child }) => exited(child)))
    if (isMounted) spawnSync('umount', [disk])
  }
}

async function start(state: FailingState, folder: string, upstreamPort: number): Promise<Failing> {
  mkdirSync(folder, { recursive: true })
  const file = join(import.meta.dirname, 'record-failing-session.ts')
  const words = [process.execPath, file, String(upstreamPort), state, folder]
  const [command = '', ...rest] = pinned(1, words)
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const { port } = await heard(child)
  return { state, child, port, figures: [], ranUs: [] }
}

async function measure({ child, port, figures, ranUs }: Failing): Promise<void> {
  const before = await asked(child, 'begin')
  figures.push(await runStreams(port, LOAD))
  const after = await asked(child, 'rest')
  ranUs.push(after.ranUs - before.ranUs)
}

function tellOf(
  { state, figures, ranUs }: Failing,
  { degraded, unrecorded, observers }: FromFailing,
  well: Failing | undefined,
  direct: readonly StreamFigures[],
): void {
  const rounds = (of: readonly StreamFigures[], key: 'delaysUs' | 'firstUs', q: number) =>
    of.map((each) => at(each[key], q))
  const usual = (of: readonly StreamFigures[], key: 'delaysUs' | 'firstUs', q: number) =>
    at(rounds(of, key, q), 0.5)
  // Of each round by itself: what else the machine does changes from one to the next.
  const ofWell = (key: 'delaysUs' | 'firstUs', q: number) => {
    const wellUs = rounds(well?.figures ?? [], key, q)
    const times = rounds(figures, key, q).map((us, round) => us / (wellUs[round] ?? us))
    return Number(at(times, 0.5).toFixed(2))
  }
  const chunks = figures.reduce((sum, each) => sum + each.chunks, 0)
  const bad = figures.reduce((sum, each) => sum + each.bad, 0)
  const isWell = state.startsWith('well')
  const hasFailed = degraded !== null || unrecorded > 0
  // What it stands on may fail, and the observer's thread must not.
  const isAsTold = hasFailed !== isWell && observers > 1 === (state === 'observer killed')
  report({
    what: isWell ? `a recorder that is ${state}` : `while failing: ${state}`,
    through: 'trace record',
    p50Us: usual(figures, 'delaysUs', 0.5),
    p99Us: usual(figures, 'delaysUs', 0.99),
    firstP50Us: usual(figures, 'firstUs', 0.5),
    firstP99Us: usual(figures, 'firstUs', 0.99),
    directP50Us: usual(direct, 'delaysUs', 0.5),
    directP99Us: usual(direct, 'delaysUs', 0.99),
    p50OfWell: ofWell('delaysUs', 0.5),
    p99OfWell: ofWell('delaysUs', 0.99),
    cpuUsPerChunk: rounded(ranUs.reduce((sum, us) => sum + us, 0) / chunks),
    unrecorded,
    observers,
    bad,
    verdict: bad === 0 && isAsTold ? 'passed on whole' : 'FAILED',
  })
}

async function heard(child: ChildProcess): Promise<FromFailing> {
  return new Promise((resolve) => child.once('message', resolve as () => void))
}

async function asked(child: ChildProcess, message: ToFailing): Promise<FromFailing> {
  const said = heard(child)
  child.send(message)
  return said
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once('exit', resolve))
  }
}
