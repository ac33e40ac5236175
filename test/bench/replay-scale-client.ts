/** A plan of many rows in shared memory, replayed in a process of its own. */
import { NONE, type Plan } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'
import { builtProgram } from './replay-built.ts'

const job = JSON.parse(process.argv[2] ?? '{}') as {
  port: number
  rows: number
  outPath: string
  buildPath: string
  perSecond: number
  stopAfterS: number
}
const program = await builtProgram(job.buildPath)
const { systemClock, replay, openTrace, optionsOf } = program

const shared = (bytes: number) => new SharedArrayBuffer(job.rows * bytes)
const dueUs = new Float64Array(shared(8))
const seq = new Uint32Array(shared(4))
for (let at = 0; at < job.rows; at += 1) {
  dueUs[at] = Math.floor((at * 1e6) / job.perSecond)
  seq[at] = at
}
const small = handPlan([{ dueUs: 0, isStream: false }])
const plan: Plan = {
  ...small,
  count: job.rows,
  columns: {
    dueUs,
    seq,
    copy: new Uint16Array(shared(2)),
    flags: new Uint16Array(shared(2)),
    promptTokens: new Uint32Array(shared(4)).fill(16),
    outputTokens: new Uint32Array(shared(4)).fill(1),
    leaf: new Uint32Array(shared(4)).fill(NONE),
    session: new Uint32Array(shared(4)).fill(NONE),
    parent: new Uint32Array(shared(4)).fill(NONE),
    thinkUs: new Float32Array(shared(4)),
    abortAt: new Float32Array(shared(4)),
    shape: new Uint32Array(shared(4)),
  },
}
const world: typeof program.world = {
  ...program.world,
  stderr: process.stderr,
  onSignal(name, callback) {
    if (name === 'SIGINT' && job.stopAfterS > 0) setTimeout(callback, job.stopAfterS * 1_000)
    return () => undefined
  },
}
const options = optionsOf({ port: job.port, out: job.outPath, connections: 'pool' })

/** Median and 99th percentile of the send lag. */
async function lags(): Promise<number[]> {
  const reader = await openTrace(job.outPath)
  const all = new Float64Array(job.rows)
  let count = 0
  for await (const { rowCount, columns } of reader.requests(['lagUs'])) {
    all.set(columns.lagUs.subarray(0, rowCount), count)
    count += rowCount
  }
  await reader.close()
  const sorted = all.subarray(0, count).toSorted()
  return [0.5, 0.99].map((share) => sorted[Math.floor(share * count)] ?? Number.NaN)
}

const startUs = systemClock.nowUs()
const end = await replay(plan, options, world)
const seconds = (systemClock.nowUs() - startUs) / 1e6
// What the replay took, before anything is looked at.
const { maxRSS } = process.resourceUsage()
const { user, system } = process.cpuUsage()
process.stdout.write(
  JSON.stringify({
    sent: end.fidelity.sent,
    seconds: Math.round(seconds),
    lagUs: (await lags()).map(Math.round),
    memoryMB: Math.round(maxRSS / 1024),
    cpuUsPerRequest: Math.round((user + system) / end.fidelity.sent),
  }),
)
