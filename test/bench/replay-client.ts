/** One replay in a process of its own, so that its CPU and memory are the replayer's alone. */
import { readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { systemClock as Clock } from '../../src/base/clock.ts'
import type { World } from '../../src/base/world.ts'
import { REPLAY_FLAGS, type parseReplayOptions as Parse } from '../../src/replay/options.ts'
import type { replay as Replay } from '../../src/replay/replay.ts'
import type { openTrace as Open } from '../../src/trace/open.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'

export type ClientJob = Readonly<{
  port: number
  outPath: string
  rows: readonly HandRow[]
  workers: number
  pacing: 'precise' | 'frugal'
  /** Folder of the built program: what users run. */
  buildPath: string
}>

const parts: Buffer[] = []
for await (const part of process.stdin) parts.push(part as Buffer)
const job = JSON.parse(Buffer.concat(parts).toString()) as ClientJob

const built = async <T>(path: string) =>
  import(pathToFileURL(`${job.buildPath}/${path}.js`).href) as Promise<T>
const { systemClock } = await built<{ systemClock: typeof Clock }>('base/clock')
const { parseReplayOptions } = await built<{ parseReplayOptions: typeof Parse }>('replay/options')
const { replay } = await built<{ replay: typeof Replay }>('replay/replay')
const { openTrace } = await built<{ openTrace: typeof Open }>('trace/open')

const quiet = { write: () => true, isTTY: false, columns: 100 }
const world: World = {
  clock: systemClock,
  stdout: quiet,
  stderr: quiet,
  stdin: process.stdin,
  env: {},
  cwd: process.cwd(),
  onSignal: () => () => undefined,
}
const defaults = Object.fromEntries(
  Object.entries(REPLAY_FLAGS).flatMap(([name, flag]) =>
    'default' in flag ? [[name, flag.default]] : [],
  ),
)
const options = parseReplayOptions({
  ...defaults,
  target: [`http://127.0.0.1:${job.port}`],
  out: job.outPath,
  force: true,
  workers: String(job.workers),
  pacing: job.pacing,
} as unknown as Parameters<typeof parseReplayOptions>[0])

/** CPU of each thread so far, ticks of 10 ms; empty where /proc is not there. */
function threadTicks(): Record<string, number> {
  try {
    return Object.fromEntries(
      readdirSync('/proc/self/task').map((id) => {
        const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return [id, Number(fields[11]) + Number(fields[12])]
      }),
    )
  } catch {
    return {}
  }
}

const samples: { wallUs: number; cpuUs: number; threads: Record<string, number> }[] = []
const sample = () => {
  const { user, system } = process.cpuUsage()
  samples.push({ wallUs: systemClock.wallUs(), cpuUs: user + system, threads: threadTicks() })
}
const timer = setInterval(sample, 50)
const end = await replay(handPlan(job.rows), options, world)
clearInterval(timer)
const reader = await openTrace(job.outPath)
const originUs = reader.header.originWallUs ?? 0
await reader.close()
const first = samples.find(({ wallUs }) => wallUs >= originUs) ?? samples[0]!
const last = samples.at(-1)!
const threadMs = Object.entries(last.threads)
  .map(([id, ticks]) => (ticks - (first.threads[id] ?? 0)) * 10)
  .filter((each) => each > 0)
  .toSorted((a, b) => b - a)
process.stdout.write(
  JSON.stringify({
    cpuUs: last.cpuUs - first.cpuUs,
    startUpCpuUs: first.cpuUs,
    threadMs,
    maxRssKb: process.resourceUsage().maxRSS,
    fidelity: end.fidelity,
  }),
)
