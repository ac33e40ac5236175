/** Whether runs that are compared got the same load, and in what it differs if not. Pure. */
import { formatCount } from '../base/format.ts'
import type { Report } from './report.ts'

export type ComparedRun = Readonly<{ name: string; report: Report }>

/**
 * Replays have the load of their plan's digest; what was recorded or imported has no plan, and is held
 * against none.
 *
 * @returns empty where nothing differs
 */
export function loadDifferences(runs: readonly ComparedRun[]): string[] {
  const replays = runs.filter(({ report }) => report.run.plan_sha256 !== null)
  const of = (say: (report: Report) => string | null) =>
    distinct(replays.map(({ report }) => say(report)))
  const stopped = replays.filter(({ report }) => report.run.interrupted)
  const ends = stopped.length === 0 ? [] : [`stopped early: ${stopped.map(nameOf).join(', ')}`]
  if (of(keyOf).length < 2) return ends
  const steps = new Set(replays.flatMap(({ report }) => report.run.transforms.map(stepName)))
  return [
    ...told('schedules', of(scheduleOf)),
    ...told(
      'source traces',
      of(({ run }) => run.source?.slice(0, DIGITS) ?? null),
    ),
    ...[...steps].flatMap((step) =>
      told(
        step,
        of((report) => stepText(report, step)),
      ),
    ),
    ...told(
      'seeds',
      of(({ run }) => run.seed),
    ),
    ...told(
      'requests',
      of(({ side }) => formatCount(side.requests.total)),
    ),
    ...ends,
  ]
}

const DIGITS = 8

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.map((value) => value ?? 'none'))]
}

function told(what: string, values: readonly string[]): string[] {
  return values.length < 2 ? [] : [`${what} ${values.join(' / ')}`]
}

/** Shards of one plan share its digest, but not their rows. */
function keyOf(report: Report): string {
  const isJoined = stepText(report, 'merge') !== null
  return `${report.run.plan_sha256} ${isJoined ? null : stepText(report, 'shard')}`
}

function scheduleOf({ run }: Report): string {
  return run.plan_sha256!.slice(0, DIGITS)
}

function stepText({ run }: Report, wanted: string): string | null {
  const step = run.transforms.find(({ name }) => name === wanted)
  if (step === undefined) return null
  return Object.entries(step.arguments)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}

function stepName({ name }: Readonly<{ name: string }>): string {
  return name
}

function nameOf({ name }: ComparedRun): string {
  return name
}
