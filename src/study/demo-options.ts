/** What `trace demo` can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs } from '../base/parse.ts'

export type DemoOptions = Readonly<{
  /** Folder for what it leaves behind; null: a new one here. */
  folder: string | null
  seed: string
  /** Of live traffic. */
  durationUs: number
}>

/** The only place defaults live; the help text shows these same strings. */
export const DEMO_DEFAULTS = { seed: '7', duration: '15s' } as const

export type RawDemoOptions = Readonly<Record<keyof typeof DEMO_DEFAULTS, string> & { out?: string }>

const SHORTEST_US = 3_000_000
const LONGEST_US = 600_000_000

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseDemoOptions(raw: RawDemoOptions): DemoOptions {
  const durationUs = parseDurationUs('--duration', raw.duration)
  if (durationUs < SHORTEST_US || durationUs > LONGEST_US) {
    throw new TraceError('BAD_OPTION', `--duration wants 3s to 10m, got '${raw.duration}'`)
  }
  return { folder: raw.out ?? null, seed: raw.seed, durationUs }
}
