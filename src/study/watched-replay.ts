/** A replay with all that was asked to watch it. Effects: network, threads, files, progress on stderr. */
import type { World } from '../base/world.ts'
import type { ReplayOptions } from '../replay/options.ts'
import { replay, type ReplayEnd } from '../replay/replay.ts'
import { joinHooks, type RunHooks } from '../replay/run-hooks.ts'
import { breachHooks } from '../report/breach-watch.ts'
import type { Plan } from '../workload/plan.ts'
import { probeHooks } from './probe.ts'
import type { WatchOptions } from './watch-options.ts'

/** @param view what shows the run */
export async function watchedReplay(
  plan: Plan,
  options: ReplayOptions,
  { watched, isTraced, probesPerSec }: WatchOptions,
  world: World,
  view: RunHooks,
): Promise<ReplayEnd> {
  const tell = (line: string) => world.stderr.write(`\n${line}\n`)
  const hooks = [
    view,
    { isTraced },
    ...(watched.length === 0 ? [] : [breachHooks(watched, tell)]),
    ...(probesPerSec === null ? [] : [probeHooks(plan, probesPerSec)]),
  ]
  return replay(plan, options, world, joinHooks(hooks))
}
