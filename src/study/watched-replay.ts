/** A replay with all that was asked to watch it. Effects: network, threads, files, progress on stderr. */
import type { World } from '../base/world.ts'
import type { ReplayOptions } from '../replay/options.ts'
import { freeOutPath } from '../replay/out-path.ts'
import { replay, type ReplayEnd } from '../replay/replay.ts'
import { joinHooks, type RunHooks } from '../replay/run-hooks.ts'
import { breachHooks } from '../report/breach-watch.ts'
import type { Calibration } from '../report/calibration.ts'
import type { Plan } from '../workload/plan.ts'
import { calibratedReplay, checkCalibrates } from './calibrated-replay.ts'
import { probeHooks } from './probe.ts'
import type { WatchOptions } from './watch-options.ts'

/** `calibration`: null unless the run was one. */
export type WatchedEnd = ReplayEnd & Readonly<{ calibration: Calibration | null }>

/** @param view what shows the run */
export async function watchedReplay(
  plan: Plan,
  options: ReplayOptions,
  { watched, isTraced, isCalibrating, probesPerSec }: WatchOptions,
  world: World,
  view: RunHooks,
): Promise<WatchedEnd> {
  const tell = (line: string) => world.stderr.write(`\n${line}\n`)
  const hooks = joinHooks([
    view,
    { isTraced },
    ...(watched.length === 0 ? [] : [breachHooks(watched, tell)]),
    ...(probesPerSec === null ? [] : [probeHooks(plan, probesPerSec)]),
  ])
  const run = async (chosen: ReplayOptions) => replay(plan, chosen, world, hooks)
  if (!isCalibrating) return { ...(await run(options)), calibration: null }
  await checkCalibrates(plan, options, world)
  const outPath = options.outPath ?? freeOutPath(plan.source.path)
  return calibratedReplay({ ...options, outPath }, world, run)
}
