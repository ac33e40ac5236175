/**
 * Sends a plan to its targets and writes a trace of what happened.
 * Effects: network, threads, one file, progress on stderr.
 */
import { hash } from 'node:crypto'
import { EXIT, TraceError } from '../base/errors.ts'
import { readIfThere, checkOutput } from '../base/files.ts'
import type { World } from '../base/world.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow } from '../trace/columns.ts'
import { containerByName } from '../trace/container.ts'
import type { Plan } from '../workload/plan.ts'
import { clockText, measureClock } from './clock-check.ts'
import type { Fidelity } from './fidelity.ts'
import type { ReplayOptions } from './options.ts'
import { freeOutPath } from './out-path.ts'
import { prefixFacts } from './prefix-facts.ts'
import { prepared, type Prepared } from './prepare.ts'
import { headerOf, planText, type RunNames } from './run-facts.ts'
import type { RunHooks } from './run-hooks.ts'
import { RunWatch } from './run-watch.ts'
import { sendTarget } from './send-target.ts'
import type { SendTarget } from './send-worker.ts'
import { rootUrl } from './target-facts.ts'
import { ReplayThreads } from './threads.ts'

export type ReplayEnd = Readonly<{
  outPath: string
  fidelity: Fidelity
  /** 130 or 143 if a signal ended it, else 0. */
  exitCode: number
}>

/** From the last thread that is ready to due 0: connections are opened in it. */
const HEAD_START_US = 600_000

/** @throws TraceError before the first request; afterwards every failure is an outcome */
export async function replay(
  plan: Plan,
  options: ReplayOptions,
  world: World,
  hooks: RunHooks = {},
): Promise<ReplayEnd> {
  const outPath = options.outPath ?? freeOutPath(plan.source.path)
  containerByName(outPath)
  checkOutput(outPath, options.isForced)
  return prepared(plan, options, world, async (parts) => {
    const { http, ready } = parts
    const names = namesOf(plan, options, world)
    world.stderr.write(planText(plan, ready, names))
    const targets = await Promise.all(
      options.targets.map(async ({ url }) => sendTarget(url, http.tls ?? {})),
    )
    return run({ plan, options, world, hooks, ...parts, outPath, names, targets })
  })
}

type Run = Prepared &
  Readonly<{
    plan: Plan
    options: ReplayOptions
    world: World
    hooks: RunHooks
    outPath: string
    names: RunNames
    targets: readonly SendTarget[]
  }>

async function run(all: Run): Promise<ReplayEnd> {
  const { options, world } = all
  const threads = startThreads(all, await maxLinks(options))
  const { counters, live } = threads
  const watch = new RunWatch({ ...all, counters, live, isPolling: options.pacing === 'precise' })
  try {
    const clocks = await unlessStopped(world, async () => {
      await threads.ready()
      await watch.before()
      return compareClock(all)
    })
    const startUs = startOf(options, world)
    return await Promise.race([resultOf(all, threads, watch, { startUs, clocks }), watch.givenUp])
  } catch (error) {
    await threads.abandon()
    throw error
  } finally {
    watch.close()
    await threads.close()
  }
}

/** Once the load is over, or somebody has ended it: the result, written. */
async function resultOf(
  { outPath, world }: Run,
  threads: ReplayThreads,
  watch: RunWatch,
  { startUs, clocks }: Readonly<{ startUs: number; clocks: readonly EventRow[] }>,
): Promise<ReplayEnd> {
  const originWallUs = Math.round(world.clock.wallUs() + startUs - world.clock.nowUs())
  threads.start(startUs)
  const exitCode = await watch.during(startUs, threads)
  const { samples, events, atUs } = await watch.after(startUs)
  const anchors = [
    { atUs: 0, wallUs: originWallUs },
    { atUs, wallUs: Math.round(world.clock.wallUs()) },
  ]
  const clock = { quantumUs: 1, anchors }
  const header = { originWallUs, clock, interrupted: exitCode !== EXIT.pass }
  const fidelity = await threads.finish(header, samples, [...clocks, ...events])
  return { outPath, fidelity, exitCode }
}

/** Nothing has been sent yet: a signal now leaves nothing behind. @throws TraceError INTERRUPTED */
async function unlessStopped<T>({ onSignal }: World, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () =>
    reject(
      new TraceError('INTERRUPTED', 'stopped before the first request was sent', {
        hint: 'No result was written.',
      }),
    )
  const forget = (['SIGINT', 'SIGTERM'] as const).map((name) => onSignal(name, stop))
  try {
    return await Promise.race([work(), promise])
  } finally {
    for (const each of forget) each()
  }
}

/** For the parts of a run on several machines; what one machine sends needs no other clock. */
async function compareClock({ plan, options, client, ready, world }: Run): Promise<EventRow[]> {
  const [first] = ready.servers
  if (first === undefined || (plan.shard === null && options.startAtWallUs === null)) return []
  const offset = await measureClock(client, rootUrl(first.facts.url, '/health'), world.clock)
  world.stderr.write(`      ${clockText(offset)}\n`)
  const detail = canonicalJson({ by: 'date of the first target', ...offset })
  return [{ atUs: 0, kind: 'clock', detail }]
}

function startThreads(
  { plan, options, hooks, http, tokenizers, ready, outPath, names, targets }: Run,
  mostLinks: number,
): ReplayThreads {
  const { targetOfShape } = ready
  const builtOf = targetOfShape.map((at) => ready.targets[at]!)
  return new ReplayThreads({
    plan,
    options,
    outPath,
    targets,
    maxLinks: mostLinks,
    bounds: hooks.bounds ?? [],
    prefix: prefixFacts(plan, ready, options),
    header: headerOf(plan, ready, options, names),
    models: builtOf.map(({ model }) => model),
    targetNames: builtOf.map(
      ({ server }) => options.targets[server]!.name ?? options.targets[server]!.url.host,
    ),
    tokenizers: plan.mode.kind === 'session' ? tokenizers.placesOf(ready, http) : [],
    build: {
      targets: ready.targets,
      targetOfShape,
      runId: names.runId,
      isTraced: hooks.isTraced ?? false,
      textSeed: names.textSeed,
      prefix: options.prefix,
      isLastOnConnection: options.connections === 'fresh',
      isAnswerOfWords: options.answer === 'words',
    },
  })
}

/** Where the system does not tell how many files may be open; and for everything but connections. */
const USUAL_OPEN_FILES = 8_192
const OTHER_OPEN_FILES = 200
/** More come from one address to one port than it has ports to come from. */
const MOST_LINKS = 16_000

/** Connections that each sending thread may have without taking the result's file handle away. */
async function maxLinks({ workers }: ReplayOptions): Promise<number> {
  const limits = (await readIfThere('/proc/self/limits')) ?? ''
  const openFiles = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? USUAL_OPEN_FILES)
  const free = Math.min(MOST_LINKS, Math.max(16, openFiles - OTHER_OPEN_FILES))
  return Math.max(1, Math.floor(free / workers))
}

/** Words are fresh for each run; the shards of one run, on several machines, use the same. */
function namesOf(plan: Plan, options: ReplayOptions, { clock }: World): RunNames {
  const runId = hash('sha256', `${plan.sha256} ${clock.wallUs()}`, 'hex').slice(0, 12)
  const shared = `${plan.sha256} ${options.startAtWallUs ?? ''}`
  const fresh = plan.shard === null ? runId : hash('sha256', shared, 'hex').slice(0, 12)
  return { runId, textSeed: options.textSeed ?? fresh }
}

/** @throws TraceError BAD_OPTION if the agreed start has passed: the parts of a run begin together or not at all */
function startOf({ startAtWallUs }: ReplayOptions, { clock }: World): number {
  const soonUs = Math.ceil(clock.nowUs() + HEAD_START_US)
  if (startAtWallUs === null) return soonUs
  const startUs = Math.round(startAtWallUs - clock.wallUs() + clock.nowUs())
  if (startUs >= soonUs) return startUs
  throw new TraceError('BAD_OPTION', '--start-at has passed, or is too near to get ready', {
    hint: 'Choose an instant some seconds ahead, the same for all shards.',
  })
}
