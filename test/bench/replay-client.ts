/** One replay in a process of its own, so that its CPU and memory are the replayer's alone. */
import { readdirSync, readFileSync } from 'node:fs'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { builtProgram } from './replay-built.ts'

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

const { systemClock, replay, openTrace, world, optionsOf } = await builtProgram(job.buildPath)
const { port, pacing } = job
const options = optionsOf({ port, pacing, out: job.outPath, workers: String(job.workers) })

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
// A thread that has ended is not in the last sample.
const endTicks = new Map(samples.flatMap(({ threads }) => Object.entries(threads)))
const threadMs = [...endTicks]
  .map(([id, ticks]) => (ticks - (first.threads[id] ?? 0)) * 10)
  .filter((each) => each > 0)
  .toSorted((a, b) => b - a)
process.stdout.write(
  JSON.stringify({
    cpuUs: last.cpuUs - first.cpuUs,
    allCpuUs: process.cpuUsage().user + process.cpuUsage().system,
    startUpCpuUs: first.cpuUs,
    threadMs,
    maxRssKb: process.resourceUsage().maxRSS,
    fidelity: end.fidelity,
  }),
)
