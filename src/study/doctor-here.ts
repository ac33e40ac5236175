/** What this machine and installation are. Effects: reads files, and times some sleeps. */
import { type Clock, pause } from '../base/clock.ts'
import { readIfThere } from '../base/files.ts'
import { type MachineFacts, type Throttling, machineFacts } from '../base/machine.ts'
import { readStolenShare, readThrottling, watchLoop } from '../base/machine.ts'
import { librarySqliteVersion } from '../trace/sqlite.ts'

export type Lateness = Readonly<{ p50Us: number; p99Us: number; maxUs: number; count: number }>

export type HereReport = Readonly<{
  version: string
  machine: MachineFacts
  sqliteVersion: string
  /** Name and version of each package that is there. */
  packages: Readonly<Record<string, string>>
  throttling: Throttling | null
  /** Share of processor time that the host gave to others while this ran; null: not said. */
  stolenShare: number | null
  /** How late a send at a fixed instant would be. */
  timers: Lateness
  loopDelayP99Us: number
  loopDelayMaxUs: number
}>

const SLEEP_COUNT = 200
const SLEEP_US = 5_000
/** Timers shorter than this spin to their end, so a longer pause shows the machine at rest. */
const SETTLE_US = 100_000

const PACKAGES = [
  'apache-arrow',
  'better-sqlite3',
  'commander',
  'fastify',
  'seedrandom',
  'undici',
  '@huggingface/transformers',
  '@aws-sdk/client-s3',
]

export async function checkHere(clock: Clock): Promise<HereReport> {
  const stolenBefore = await readStolenShare(null)
  await pause(SETTLE_US)
  const loop = watchLoop()
  const timers = await measureTimers(clock)
  const sample = loop.sample()
  loop.close()
  const stolen = await readStolenShare(stolenBefore)
  return {
    version: await ownVersion(),
    machine: machineFacts(),
    sqliteVersion: librarySqliteVersion(),
    packages: await packageVersions(),
    throttling: await readThrottling(),
    stolenShare: stolen?.share ?? null,
    timers,
    loopDelayP99Us: sample.delayP99Us,
    loopDelayMaxUs: sample.delayMaxUs,
  }
}

/** Sleeps to fixed instants, as a replay does between two sends. */
async function measureTimers(clock: Clock): Promise<Lateness> {
  const lateUs: number[] = []
  const startUs = clock.nowUs()
  for (let index = 1; index <= SLEEP_COUNT; index += 1) {
    const dueUs = startUs + index * SLEEP_US
    await clock.sleepUntil(dueUs)
    lateUs.push(clock.nowUs() - dueUs)
  }
  const sorted = lateUs.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return {
    p50Us: at(0.5) ?? 0,
    p99Us: at(0.99) ?? 0,
    maxUs: sorted.at(-1) ?? 0,
    count: sorted.length,
  }
}

async function ownVersion(): Promise<string> {
  return versionIn(new URL('../../package.json', import.meta.url)).then((found) => found ?? '?')
}

async function packageVersions(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of PACKAGES) {
    const version = await packageVersion(name)
    if (version !== null) found[name] = version
  }
  return found
}

/** @returns null where it is not installed, as optional ones may be */
async function packageVersion(name: string): Promise<string | null> {
  let entry: string
  try {
    entry = import.meta.resolve(name)
  } catch {
    return null
  }
  const folder = entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`))
  return versionIn(new URL(`${folder}/node_modules/${name}/package.json`))
}

async function versionIn(path: URL): Promise<string | null> {
  const text = await readIfThere(path)
  if (text === null) return null
  const { version } = JSON.parse(text) as { version?: string }
  return version ?? null
}
