/**
 * Two servers under the same load, run by run, A B B A, so that what drifts hits both alike.
 * Effects: network, threads, files, progress on stderr.
 */
import { join } from 'node:path'
import { EXIT } from '../base/errors.ts'
import { makeFolder, refuseExisting } from '../base/files.ts'
import { fold } from '../base/fold.ts'
import { formatCount, formatShare } from '../base/format.ts'
import { HttpClient } from '../base/http.ts'
import type { World } from '../base/world.ts'
import type { ReplayOptions } from '../replay/options.ts'
import type { PrefixGap } from '../replay/prefix-gap.ts'
import { checkTargets } from '../replay/prepare.ts'
import { replay } from '../replay/replay.ts'
import { httpOptions } from '../replay/send-target.ts'
import { rootUrl } from '../replay/target-facts.ts'
import { type Comparison, compareRuns } from '../report/comparison.ts'
import { reportFile } from '../report/report-file.ts'
import type { Report } from '../report/report.ts'
import type { Plan } from '../workload/plan.ts'
import type { AbOptions } from './ab-options.ts'

export type Side = 'a' | 'b'
export type AbRun = Readonly<{ side: Side; pair: number }>

/** A B, B A, A B, …: each pair of runs is a block, and neither side always goes first. */
export function runOrder(pairs: number): AbRun[] {
  return Array.from({ length: pairs }, (_, pair): AbRun[] =>
    (pair % 2 === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const)).map((side) => ({
      side,
      pair,
    })),
  ).flat()
}

/** One a side goes first and counts for nothing. */
const WARM_UPS: readonly AbRun[] = [
  { side: 'a', pair: -1 },
  { side: 'b', pair: -1 },
]

export type AbEnd = Readonly<{ comparison: Comparison; exitCode: number }>

/** What a study asks of the world beyond its files; tests put simulated servers in its place. */
export type AbMeans = Readonly<{
  replay: (...given: Parameters<typeof replay>) => Promise<{
    outPath: string
    exitCode: number
    fidelity: Readonly<{ prefix: PrefixGap | null }>
  }>
  check: typeof checkTargets
  resetCache: (target: URL, sending: ReplayOptions) => Promise<void>
}>

/**
 * @returns what the complete pairs say; an interrupted study keeps its files and says 130
 * @throws TraceError OUTPUT_EXISTS, or what either target lacks, before the first run
 */
export async function ab(
  plan: Plan,
  sending: ReplayOptions,
  options: AbOptions,
  world: World,
  means: AbMeans = { replay, check: checkTargets, resetCache: resetPrefixCache },
): Promise<AbEnd> {
  for (const run of [...WARM_UPS, ...runOrder(options.runs)])
    refuseExisting(runPath(options, run), sending.isForced, 'Name another --keep, or add --force.')
  for (const { side } of WARM_UPS) await means.check(plan, targetOf(side, sending, options), world)
  await makeFolder(options.folder)
  const study = { plan, sending, options, world, means, seed: `ab ${world.clock.wallUs()}` }
  for (const run of WARM_UPS) {
    world.stderr.write(`warm-up ${run.side.toUpperCase()} (not counted)\n`)
    const { exitCode } = await runOnce(study, run)
    if (exitCode !== EXIT.pass) return stopped([], exitCode, options)
  }
  const reports: { run: AbRun; report: Report }[] = []
  for (const run of runOrder(options.runs)) {
    await world.clock.sleepUntil(world.clock.nowUs() + options.pauseUs)
    world.stderr.write(`run ${run.pair + 1} of ${options.runs}, ${run.side.toUpperCase()}\n`)
    const { exitCode, outPath, fidelity } = await runOnce(study, run)
    if (exitCode !== EXIT.pass) return stopped(reports, exitCode, options)
    const report = await reportFile(outPath, { window: options.window })
    world.stderr.write(residueLine(report, fidelity.prefix))
    reports.push({ run, report })
  }
  return stopped(reports, EXIT.pass, options)
}

type Study = Readonly<{
  plan: Plan
  sending: ReplayOptions
  options: AbOptions
  world: World
  means: AbMeans
  seed: string
}>

/** Both sides of a pair get the same words, and no pair those of another: caches know none of them. */
async function runOnce(study: Study, run: AbRun) {
  const { plan, sending, options, world, means, seed } = study
  await means.resetCache(options[run.side], sending)
  return means.replay(
    plan,
    {
      ...targetOf(run.side, sending, options),
      outPath: runPath(options, run),
      isForced: true,
      textSeed: `${seed} ${run.pair}`,
    },
    world,
  )
}

function runPath({ folder }: AbOptions, { side, pair }: AbRun): string {
  return join(folder, `${pair < 0 ? `warm-up-${side}` : `${side}${pair + 1}`}.sqlite`)
}

function targetOf(side: Side, sending: ReplayOptions, options: AbOptions): ReplayOptions {
  return { ...sending, targets: [{ name: null, url: options[side] }] }
}

const RESET_TIMEOUT_US = 5_000_000

/** Only servers in development mode answer; fresh words make it unnecessary elsewhere. */
async function resetPrefixCache(target: URL, sending: ReplayOptions): Promise<void> {
  const client = new HttpClient(await httpOptions(sending))
  try {
    await client.call(rootUrl(target, '/reset_prefix_cache'), {
      method: 'POST',
      timeoutUs: RESET_TIMEOUT_US,
    })
  } catch {
    // A server that does not have it is no failure.
  } finally {
    await client.close()
  }
}

function stopped(
  reports: readonly Readonly<{ run: AbRun; report: Report }>[],
  exitCode: number,
  options: AbOptions,
): AbEnd {
  const of = (side: Side) =>
    reports
      .filter(({ run }) => run.side === side)
      .map(({ run, report }) => ({ pair: run.pair, report }))
  const [a, b] = [of('a'), of('b')]
  const pairs = a.flatMap(({ pair, report }) => {
    const other = b.find((each) => each.pair === pair)
    return other ? [{ a: report, b: other.report }] : []
  })
  const comparison = compareRuns(
    pairs.map((pair) => pair.a),
    pairs.map((pair) => pair.b),
    options.gates,
    {
      paired: true,
      names: (['a', 'b'] as const).flatMap((side) =>
        pairs.map((_, pair) => runPath(options, { side, pair })),
      ),
    },
  )
  return { comparison, exitCode: exitCode === EXIT.pass ? comparison.exit_code : exitCode }
}

/**
 * Tokens served from cache beyond what the plan's own sharing explains, in blocks of the server: what an
 * earlier run left there.
 *
 * @param gap null where the plan shares nothing, or the server tells neither its hits nor its block size
 */
export function residueLine(
  { side, run }: Pick<Report, 'side' | 'run'>,
  gap: PrefixGap | null,
): string {
  if (side.tokens.prompt === 0) return ''
  const share = (tokens: number) => tokens / Math.max(1, gap?.prompts ?? side.tokens.prompt)
  const cached = share(gap?.served ?? side.tokens.cached)
  const expected =
    gap === null
      ? ''
      : `, predicted ${formatShare(share(gap.predicted))} in blocks of ${formatCount(gap.blockTokens)}`
  const isMore = gap !== null && cached - share(gap.predicted) > RESIDUE_SHARE
  const over = isMore ? ' · more than the plan explains: is the cache warm?' : ''
  const server = run.server.fingerprint ?? 'no fingerprint'
  return fold(`      ${server} · cached ${formatShare(cached)}${expected}${over}\n`)
}

const RESIDUE_SHARE = 0.02
